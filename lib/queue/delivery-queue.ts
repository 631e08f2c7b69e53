// The producer's side of the queue: adds jobs, asks for them, repairs them. Never waits for a Redis that is away.

import { randomUUID } from 'node:crypto'
import { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import type { DeliveryQueue, Job, SharedTurns } from '../broker/ports.ts'
import { BrokerError } from '../domain/errors.ts'
import { makeSharedTurns } from './limits/turns.ts'
import { makeQueueNames, type QueueNames } from './names.ts'
import { JOB, JOB_OPTIONS, wakeWorker } from './options.ts'
import { scriptCommand } from './script-command.ts'
import { ADD_MANY } from './scripts.ts'

export type ClosableDeliveryQueue = DeliveryQueue & {
  /** How many workers are connected; undefined where a managed Redis does not tell. */
  workers(): Promise<number | undefined>
  /** How many jobs wait or are delayed. */
  depth(): Promise<number>
  /** The turns of rate-limited webhooks. */
  turns: SharedTurns
  close(): Promise<void>
}

const JOBS_PER_PIPELINE = 1_000
// Redis does nothing else while a script runs: about a millisecond for this many.
const JOBS_PER_SCRIPT = 250

// Compare and set: a plain maximum would hide a loss between the reading and the raising.
const RAISE = `
local held = redis.call('GET', KEYS[1])
if (held or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1`

// Whatever Redis holds under an id, unless a living worker holds its lock: from every list and set, then the hash. An
// orphan hash (in no list) swallows every add of its id, and BullMQ's own remove does not see it everywhere.
const FORGET = `
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
for i = 3, 5 do redis.call('LREM', KEYS[i], 0, ARGV[1]) end
for i = 6, 7 do redis.call('ZREM', KEYS[i], ARGV[1]) end
redis.call('SREM', KEYS[8], ARGV[1])
redis.call('DEL', KEYS[1])
return 1`

// In one script: a job that ends between two questions has neither a place in the list nor a lock, and would be taken
// for one whose worker died. The list is never longer than all workers' slots together.
const ABANDONED = `
local found = {}
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  if redis.call('EXISTS', ARGV[1] .. id .. ':lock') == 0 then found[#found + 1] = id end
end
return found`

/** @param redis a connection that fails fast (`connectQueue(url, 'commands')`); closed with the queue */
export const makeDeliveryQueue = (redis: Redis, prefix: string): ClosableDeliveryQueue => {
  const names = makeQueueNames(prefix)
  const queue = openQueue(redis, names)

  const addMany = scriptCommand(redis, ADD_MANY)
  const addNow = async (ids: readonly string[]) => {
    const { name, data } = JOB
    const what = [names.job(''), name, data, STORED_OPTIONS, Date.now()]
    await addMany(names.waiting, names.job('meta'), names.marker, ...what, ...ids)
  }

  const enqueue = async (jobs: readonly Job[]) => {
    for (const some of slices(jobs, JOBS_PER_PIPELINE)) {
      const ready = some.filter(({ delayMs }) => delayMs <= 0).map(({ deliveryId }) => deliveryId)
      const later = some.filter(({ delayMs }) => delayMs > 0)
      const adding = slices(ready, JOBS_PER_SCRIPT).map(addNow)
      if (later.length > 0) adding.push(addDelayed(queue, later))
      await translated(() => Promise.all(adding))
    }
  }

  return {
    enqueue,
    present: (ids) => translated(() => existing(redis, ids.map(names.job))),
    replace: async (jobs) => {
      const free = await translated(() => forget(redis, names, jobs))
      await enqueue(free)
    },
    abandoned: () => translated(() => abandoned(redis, names)),
    oldestWaiting: () =>
      translated(async () => (await redis.lindex(names.waiting, -1)) ?? undefined),
    waitingCount: () => translated(() => redis.llen(names.waiting)),
    wake: () =>
      translated(async () => {
        await wakeWorker(redis, names)
      }),
    incarnation: () =>
      translated(async () => {
        const held = await redis.get(names.incarnation)
        return held === null ? undefined : Number(held)
      }),
    // Writes nothing into what is there and makes nothing where nothing is, and yet counts as a write.
    holdsIncarnation: () =>
      translated(async () => (await redis.setrange(names.incarnation, 0, '')) > 0),
    raiseIncarnation: (from, to) =>
      translated(async () => {
        const before = from === undefined ? '' : String(from)
        return (await redis.eval(RAISE, 1, names.incarnation, before, String(to))) === 1
      }),
    workers: () => translated(() => countWorkers(queue)),
    depth: () =>
      translated(async () => {
        const { waiting, job } = names
        const asked = redis.pipeline().llen(waiting).zcard(job('delayed')).zcard(job('prioritized'))
        return (await runAll(asked)).reduce<number>((sum, count) => sum + Number(count), 0)
      }),
    turns: makeSharedTurns(redis, names, randomUUID()),
    close: async () => {
      await queue.close().catch(() => undefined)
      redis.disconnect()
    },
  }
}

// As BullMQ keeps them in a job's hash.
const STORED_OPTIONS = JSON.stringify(JOB_OPTIONS)

const slices = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, n) =>
    all.slice(n * size, (n + 1) * size),
  )

const addDelayed = async (queue: Queue, jobs: readonly Job[]): Promise<void> => {
  await queue.addBulk(
    jobs.map(({ deliveryId, delayMs }) => ({
      name: JOB.name,
      data: {},
      opts: { ...JOB_OPTIONS, jobId: deliveryId, delay: Math.ceil(delayMs) },
    })),
  )
}

/** BullMQ's queue over a connection that need not stand yet, nor stay. */
const openQueue = (redis: Redis, names: QueueNames): Queue => {
  const queue = new Queue(names.queue, {
    connection: redis,
    prefix: names.bullPrefix,
    skipWaitingForReady: true,
    skipMetasUpdate: true,
    // Asked for while Redis is away, the version would leave the queue broken for ever, not only until Redis is back.
    skipVersionCheck: true,
  })
  // BullMQ repeats its connection's errors here; they are logged where the connection is made.
  queue.on('error', () => undefined)
  return queue
}

const translated = async <T>(run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (cause) {
    throw new BrokerError('queue_unavailable', 'the queue did not answer', { cause })
  }
}

/** One pipeline of EXISTS: a thousand cost about 4 ms. `getJobState` would read whole lists. */
const existing = async (redis: Redis, keys: readonly string[]): Promise<boolean[]> => {
  if (keys.length === 0) return []
  const pipeline = redis.pipeline()
  for (const key of keys) pipeline.exists(key)
  return (await runAll(pipeline)).map((reply) => reply === 1)
}

type Pipeline = ReturnType<Redis['pipeline']>

const runAll = async (pipeline: Pipeline): Promise<unknown[]> => {
  const replies = (await pipeline.exec()) ?? []
  return replies.map(([error, reply]) => {
    if (error !== null) throw error
    return reply
  })
}

/** @returns the jobs that nobody holds; each is gone from Redis now */
const forget = async (redis: Redis, names: QueueNames, jobs: readonly Job[]): Promise<Job[]> => {
  if (jobs.length === 0) return []
  const part = (name: string) => names.job(name)
  const pipeline = redis.pipeline()
  for (const { deliveryId } of jobs) {
    pipeline.eval(
      FORGET,
      8,
      names.job(deliveryId),
      names.lock(deliveryId),
      names.active,
      names.waiting,
      part('paused'),
      part('delayed'),
      part('prioritized'),
      part('stalled'),
      deliveryId,
    )
  }
  const replies = await runAll(pipeline)
  return jobs.filter((_, index) => replies[index] === 1)
}

const abandoned = async (redis: Redis, names: QueueNames): Promise<string[]> => {
  const ids = await redis.eval(ABANDONED, 1, names.active, names.job(''))
  return Array.isArray(ids) ? ids.map(String) : []
}

const countWorkers = async (queue: Queue): Promise<number | undefined> => {
  const workers = await queue.getWorkers()
  // Where CLIENT LIST is not allowed BullMQ answers with one nameless entry.
  return workers.some(({ name }) => name === 'GCP does not support client list')
    ? undefined
    : workers.length
}
