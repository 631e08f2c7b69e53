// The embedded Postgres (PGlite) of `npm start`, in a folder of its own. It has no lock against a second process, which
// would destroy the folder, so the lock is ours. It has one connection, and no fsync: it survives a killed process, not
// a power cut.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { createPgConfig } from '@electric-sql/pglite/node-postgres'
import pg from 'pg'
import { BrokerError } from '../domain/errors.ts'
import { identityOf, isAlive } from './process-identity.ts'

export type EmbeddedPostgres = { pool: pg.Pool; close(): Promise<void> }

/** @throws BrokerError `conflict` when another living process holds the folder */
export const openEmbedded = async (folder: string): Promise<EmbeddedPostgres> => {
  mkdirSync(dirname(folder), { recursive: true })
  const unlock = lock(`${folder}.lock`)
  try {
    const pglite = await PGlite.create(folder)
    // One session that is never given up: a second client would share it without knowing.
    const pool = new pg.Pool(
      Object.assign(createPgConfig(pglite), { max: 1, idleTimeoutMillis: 0 }),
    )
    return {
      pool,
      close: async () => {
        await pglite.close()
        unlock()
      },
    }
  } catch (error) {
    unlock()
    throw error
  }
}

/** Writes our pid and start time; a lock whose process is gone (or is another one by now) is taken over. */
const lock = (file: string): (() => void) => {
  const mine = identityOf(process.pid)
  for (;;) {
    try {
      writeFileSync(file, `${mine.pid} ${mine.started}`, { flag: 'wx' })
      return () => rmSync(file, { force: true })
    } catch {
      const [pid = '', started = ''] = existsSync(file) ? readFileSync(file, 'utf8').split(' ') : []
      if (isAlive({ pid: Number(pid), started })) {
        throw new BrokerError(
          'conflict',
          `the data folder is in use by process ${pid}; stop it, or set BROKER_DATA_DIR to another folder`,
        )
      }
      rmSync(file, { force: true })
    }
  }
}
