// The faults of a soak. Each heals by itself, and returns when it has. What becomes of the events is for the oracle.

import { PREFIX } from './rig.ts'
import type { Stage } from './soak-stage.ts'

/** Requests that a worker which wakes may send after its lease (row 20): the one fault that makes late copies. */
export const FREEZE_A_WORKER = 'freeze a worker 4 s'

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const during = async (ms: number, begin: () => void, end: () => void) => {
  begin()
  await pass(ms)
  end()
}

const onProcesses: Record<string, (stage: Stage) => Promise<void>> = {
  'kill -9 a worker': async (stage) => {
    await stage.workers.shift()?.kill9()
    stage.workers.push(await stage.rig.start('worker', stage.env))
  },
  'restart a worker': async (stage) => {
    await stage.workers.shift()?.stop()
    stage.workers.push(await stage.rig.start('worker', stage.env))
  },
  'kill -9 the sweep': async (stage) => {
    await stage.sweep.kill9()
    stage.sweep = await stage.rig.start('sweep', stage.env)
  },
  'a second sweep': async ({ rig, env }) => {
    await rig.sweepOnce(env)
  },
  'kill -9 the API': async (stage) => {
    await stage.api.kill9()
    stage.api = await stage.rig.start('api', stage.env)
  },
  'restart the API': async (stage) => {
    await stage.api.stop()
    stage.api = await stage.rig.start('api', stage.env)
  },
  'a drain beside the workers': async ({ rig, env }) => {
    await rig.drainOnce({ ...env, DRAIN_TOLD_MS: '8000' })
  },
  'a drain that the platform ends': async ({ rig, env }) => {
    const times = { DRAIN_BUDGET_MS: '3000', DRAIN_TOLD_MS: '600000' }
    await (
      await rig.startDrain({ ...env, ...times })
    ).exited
  },
  [FREEZE_A_WORKER]: ({ workers: [worker] }) =>
    during(
      4_000,
      () => worker?.pause(),
      () => worker?.resume(),
    ),
}

const onStores: Record<string, (stage: Stage) => Promise<void>> = {
  FLUSHALL: async ({ rig }) => {
    await rig.redis.admin.flushall()
  },
  'a list and a job of the queue vanish': async ({ rig: { redis } }) => {
    const key = (part: string) => `{${PREFIX}}:deliveries:${part}`
    const [job] = await redis.admin.lrange(key('active'), 0, 0)
    await redis.admin.del(key('wait'), ...(job === undefined ? [] : [key(job)]))
  },
  'kill -9 Redis, empty restart': async ({ rig }) => {
    await rig.redis.kill()
    await pass(2_000)
    await rig.redis.startAgain()
  },
  'freeze Redis 5 s': ({ rig }) => during(5_000, rig.redis.freeze, rig.redis.thaw),
  'Redis is full for 3 s': async ({ rig: { redis } }) => {
    await redis.admin.config('SET', 'maxmemory', '1')
    await pass(3_000)
    await redis.admin.config('SET', 'maxmemory', '0')
  },
  'kill -9 Postgres, restart': async ({ rig }) => {
    await rig.postgres.kill()
    await pass(1_000)
    await rig.postgres.startAgain()
  },
  'freeze Postgres 5 s': ({ rig }) => during(5_000, rig.postgres.freeze, rig.postgres.thaw),
}

const onNetwork: Record<string, (stage: Stage) => Promise<void>> = {
  'Redis swallowed for 5 s': ({ redisLink }) => during(5_000, redisLink.blackhole, redisLink.heal),
  'Redis half open for 5 s': ({ redisLink }) => during(5_000, redisLink.halfOpen, redisLink.heal),
  'every connection to Redis reset': ({ redisLink }) => during(0, redisLink.reset, redisLink.heal),
  'Postgres swallowed for 3 s': ({ postgresLink }) =>
    during(3_000, postgresLink.blackhole, postgresLink.heal),
  'every connection to Postgres reset': ({ postgresLink }) =>
    during(0, postgresLink.reset, postgresLink.heal),
  'Postgres slow by 50 ms for 5 s': ({ postgresLink }) =>
    during(5_000, () => postgresLink.latency(50), postgresLink.heal),
  'kill -9 the receiver': async ({ rig }) => {
    await rig.receiver.kill9()
    await pass(500)
    await rig.receiver.startAgain()
  },
  'one webhook hangs for 5 s': ({ receiverLink }) =>
    during(5_000, receiverLink.blackhole, receiverLink.heal),
  'one webhook refuses for a moment': ({ receiverLink }) =>
    during(0, receiverLink.reset, receiverLink.heal),
  'one webhook refuses for 5 s': ({ receiverLink }) =>
    during(5_000, receiverLink.reset, receiverLink.heal),
}

export const FAULTS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  ...onProcesses,
  ...onStores,
  ...onNetwork,
}
