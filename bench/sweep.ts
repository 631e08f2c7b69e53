// How long a sweep takes with a million finished deliveries and a hundred open ones that are due, none of them in Redis:
// it adds all of them again. A process of its own each time, as a scheduled function is; its start does not count.

import { Redis } from 'ioredis'
import { startRedis } from '../local/services/redis.ts'
import type { Database } from '../lib/postgres/database.ts'
import { startProcess } from '../tests/support/process.ts'

const OPEN = 100

/** Ends all deliveries but a hundred, which are due now. @param database whose statements may take minutes */
export const leaveOpen = async (database: Database): Promise<void> => {
  await database.query(
    `update deliveries set status = 'delivered', finished_at = now(), first_delivered_at = now()
     where finished_at is null and id not in (
       select id from deliveries where finished_at is null order by id desc limit ${OPEN})`,
    [],
  )
  await database.query('vacuum analyze deliveries', [])
}

/** @returns the milliseconds of each of `runs` sweeps */
export const measureSweeps = async (
  database: Database,
  { databaseUrl, folder, runs }: { databaseUrl: string; folder: string; runs: number },
): Promise<number[]> => {
  const redis = await startRedis({ dataDir: folder, persistence: 'aof' })
  const admin = new Redis(redis.url)
  const sweep = async (): Promise<{ durationMs: number; requeued: number }> => {
    const run = await startProcess({
      script: 'local/sweep.ts',
      env: {
        DATABASE_URL: databaseUrl,
        REDIS_URL: redis.url,
        BROKER_AUTH: 'off',
        BROKER_LOG_LEVEL: 'error',
      },
    })
    await run.exited
    const line = run.lines.find((candidate) => candidate.startsWith('{"found"'))
    if (line === undefined) throw new Error(`the sweep failed:\n${run.lines.join('\n')}`)
    return JSON.parse(line) as { durationMs: number; requeued: number }
  }
  try {
    // The first one finds a Redis that it does not know, rolls up what there is, and sets the marks of the others.
    await sweep()
    const times: number[] = []
    while (times.length < runs) {
      const jobs = await admin.keys('{broker}:deliveries:*')
      if (jobs.length > 0) await admin.del(jobs)
      await database.query(
        'update deliveries set due_at = now(), probes = 0 where finished_at is null',
        [],
      )
      const { durationMs, requeued } = await sweep()
      if (requeued !== OPEN) throw new Error(`${requeued} were added again, not ${OPEN}`)
      times.push(durationMs)
    }
    return times.sort((a, b) => a - b)
  } finally {
    admin.disconnect()
    await redis.stop()
  }
}
