// The embedded Postgres (PGlite) of `npm start`, in a folder of its own. It has no lock against a second process, which
// would destroy the folder, so the lock is ours. It has one connection, and no fsync: it survives a killed process, not
// a power cut.

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { createPgConfig } from '@electric-sql/pglite/node-postgres'
import pg from 'pg'
import { takeLock } from './lock-file.ts'

export type EmbeddedPostgres = { pool: pg.Pool; close(): Promise<void> }

/** @throws BrokerError `conflict` when another living process holds the folder */
export const openEmbedded = async (folder: string): Promise<EmbeddedPostgres> => {
  mkdirSync(dirname(folder), { recursive: true })
  const unlock = await takeLock(`${folder}.lock`)
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
