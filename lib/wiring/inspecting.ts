// The stores as `webhook-broker doctor` looks at them: from outside, once, without starting anything.

import { makeLogger } from '../logger.ts'
import { inspectDatabase, type DatabaseFacts } from '../postgres/inspect.ts'
import { readPolicy, type Policy } from '../queue/check-redis.ts'
import { connectQueue } from '../queue/options.ts'
import { untilReady } from './routing.ts'
import { openDatabase } from './stores.ts'

/** @throws BrokerError `log_unavailable` when it does not answer */
export const inspectPostgres = async (url: string): Promise<DatabaseFacts> => {
  const database = openDatabase({ url, maxConnections: 1, role: 'doctor' }, makeLogger('silent'))
  try {
    return await inspectDatabase(database)
  } finally {
    await database.close()
  }
}

/** Never throws: a Redis that is away is an answer. */
export const inspectRedis = async (url: string): Promise<Policy> => {
  const redis = connectQueue(url, 'commands', makeLogger('silent'))
  try {
    await untilReady(redis)
    return await readPolicy(redis)
  } finally {
    redis.disconnect()
  }
}
