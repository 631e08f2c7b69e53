// Looks at what the environment names: the configuration itself, Postgres, Redis.

import type { Config } from '../../lib/config.ts'
import { describeError } from '../../lib/logger.ts'
import { inspectPostgres, inspectRedis } from '../../lib/wiring/inspecting.ts'
import {
  judgeClock,
  judgeKeys,
  judgeMigrations,
  judgeOverdue,
  judgePolicy,
  judgePostgres,
  judgeSchedule,
  judgeSecretKey,
  judgeSweep,
  outside,
  type Finding,
} from './judge.ts'

export type StoreSources = {
  /** @throws BrokerError that names every fault of the environment */
  loadConfig(): Config
  nowMs(): number
}

export const lookAtStores = async (sources: StoreSources): Promise<Finding[]> => {
  let config: Config
  try {
    config = sources.loadConfig()
  } catch (error) {
    const found = describeError(error)
    return [{ check: 'configuration', verdict: 'fail', found, advice: 'see .env.example' }]
  }
  if (config.databaseUrl === undefined && config.redisUrl === undefined) {
    return [
      {
        check: 'stores',
        verdict: 'skip',
        found: 'neither DATABASE_URL nor REDIS_URL is set here: run this where the broker runs',
      },
    ]
  }
  return [
    judgeKeys(config),
    judgeSchedule(config.delivery),
    ...(await lookAtPostgres(config, sources)),
    ...(config.redisUrl === undefined ? [] : [judgePolicy(await inspectRedis(config.redisUrl))]),
  ]
}

const lookAtPostgres = async (config: Config, { nowMs }: StoreSources): Promise<Finding[]> => {
  if (config.databaseUrl === undefined) return []
  const fromMs = nowMs()
  let facts
  try {
    facts = await inspectPostgres(config.databaseUrl)
  } catch (error) {
    return [
      {
        check: 'postgres',
        verdict: 'fail',
        found: `DATABASE_URL does not answer (${describeError(error)})`,
        advice: 'start Postgres, or correct DATABASE_URL; triggers are answered 503 meanwhile',
      },
    ]
  }
  const moment = { fromMs: facts.nowMs, toMs: facts.nowMs }
  const { state } = facts
  return [
    judgePostgres(facts),
    judgeClock('postgres clock', outside(moment, { fromMs, toMs: nowMs() })),
    judgeMigrations(facts.pending),
    judgeSecretKey(config, state?.sealed),
    ...(state === undefined
      ? []
      : [
          judgeSweep(state, { nowMs: facts.nowMs, intervalMs: config.sweep.intervalMs }),
          judgeOverdue(state, facts.nowMs),
        ]),
  ]
}
