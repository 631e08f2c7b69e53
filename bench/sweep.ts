// How long a sweep takes with a million finished deliveries and a hundred open ones that are due, none of them in Redis:
// it adds all of them again. Wired as `npm run sweep -- --every` wires it, and warm: connections and plans are there.

import { Redis } from 'ioredis'
import { startRedis } from '../local/services/redis.ts'
import type { Database } from '../lib/postgres/database.ts'
import { loadConfig } from '../lib/config.ts'
import { makeSweeping } from '../lib/wiring/sweeping.ts'
import { openParts } from '../local/parts.ts'

const OPEN = 100
const BUDGET_MS = 60_000

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
  const stops: (() => Promise<void>)[] = []
  const config = loadConfig(
    {
      DATABASE_URL: databaseUrl,
      REDIS_URL: redis.url,
      BROKER_AUTH: 'off',
      BROKER_LOG_LEVEL: 'error',
    },
    'sweep',
  )
  const parts = await openParts(
    config,
    { role: 'sweep', maxConnections: 2 },
    {
      onStop: (_name, stop) => stops.unshift(stop),
      stop: () => Promise.resolve(),
      stopping: new AbortController().signal,
    },
  )
  const { dispatch } = parts
  const run = makeSweeping(config, { ...parts, ...dispatch, queue: dispatch.redis?.queue })
  const sweep = () => run({ budgetMs: BUDGET_MS })
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
    for (const stop of stops) await stop()
    admin.disconnect()
    await redis.stop()
  }
}
