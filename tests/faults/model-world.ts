// The world of the model test: the real use cases over the real SQL, a queue in memory, and time that moves when told to.
// Workers stop at every await, where they can be left for dead. It checks the invariants as it goes.

import { makeAttemptDelivery, type AttemptDelivery } from '../../lib/broker/attempt-delivery.ts'
import { makeTurns } from '../../lib/broker/turns.ts'
import { makeIsolation } from '../../lib/broker/isolation.ts'
import { makePatience } from '../../lib/broker/patience.ts'
import type { Clock, JobVerdict, Log } from '../../lib/broker/ports.ts'
import { makeSweep } from '../../lib/broker/sweep.ts'
import { makeSecretBox } from '../../lib/domain/secret-box.ts'
import { answered, ids, triggerOf, type StoreRig } from '../support/store-rig.ts'
import { makeModelQueue } from './model-queue.ts'

export const EVENT = 'model'

const SILENT: Log = { info: () => undefined, warn: () => undefined, error: () => undefined }
const NEVER = new Promise<never>(() => undefined)
// One retry in the queue, one that lives in Postgres only.
const SCHEDULE = [1_000, 900_000, 1_000]

type Sent = { deliveryId: string; attempt: number; ok: boolean }

/** A worker under way: which job it has, and the gate at which it stands. */
type WorkerRun = {
  deliveryId: string
  open: (() => void) | undefined
  dead: boolean
  ended: boolean
  /** Resolves when it stands at the next gate or has ended. */
  paused: Promise<void>
  pause: () => void
}

export type World = Awaited<ReturnType<typeof makeWorld>>

export const makeWorld = async (rig: StoreRig) => {
  let elapsedMs = 0
  const clock: Clock = {
    nowMs: () => 1_800_000_000_000 + elapsedMs,
    elapsedMs: () => elapsedMs,
    wait: () => Promise.resolve(),
    after: () => () => undefined,
  }
  const queue = makeModelQueue(() => elapsedMs)
  const accepted: string[] = []
  const sent: Sent[] = []
  const runs: WorkerRun[] = []
  let nextOk = true
  await rig.sql('truncate messages, deliveries, attempts, idempotency_keys')

  const rowsOf = async () => {
    const rows = await rig.sql<{ id: string; status: string; attempt_count: number }>(
      'select id, status, attempt_count from deliveries',
    )
    return new Map(rows.map((row) => [row.id, row]))
  }

  /** I1 to I5, as far as they must hold at any moment. */
  const check = async () => {
    const rows = await rowsOf()
    for (const id of accepted) {
      const row = rows.get(id)
      const copies = sent.filter(({ deliveryId }) => deliveryId === id)
      if (row === undefined) throw new Error(`I1: ${id} is gone`)
      if (row.status === 'delivered' && !copies.some(({ ok }) => ok)) {
        throw new Error(`I2: ${id} is delivered, and no receiver said so`)
      }
      if (copies.length > row.attempt_count) {
        throw new Error(`I3: ${copies.length} requests for ${row.attempt_count} claims of ${id}`)
      }
      if (new Set(copies.map(({ attempt }) => attempt)).size !== copies.length) {
        throw new Error(`I3: one attempt of ${id} was sent twice`)
      }
    }
  }

  const attemptsFor = (run: WorkerRun): AttemptDelivery => {
    const gate = async () => {
      await new Promise<void>((open) => {
        run.open = open
        run.pause()
      })
      if (run.dead) await NEVER
    }
    return makeAttemptDelivery({
      deliveryLog: {
        claim: async (id, token) => {
          const outcome = await rig.deliveryLog.claim(id, token)
          await gate()
          return outcome
        },
        postpone: rig.deliveryLog.postpone,
        record: async (result) => {
          await gate()
          const recorded = await rig.deliveryLog.record(result)
          await gate()
          return recorded
        },
      },
      sender: {
        send: async (request) => {
          await gate()
          const deliveryId = request.headers['webhook-delivery-id'] ?? ''
          if (!request.mayStillSend()) return answered(500)
          const row = (await rowsOf()).get(deliveryId)
          if (row?.status === 'delivered') throw new Error(`I4: ${deliveryId} was sent again`)
          const ok = nextOk
          sent.push({ deliveryId, attempt: Number(request.headers['webhook-attempt']), ok })
          await gate()
          return answered(ok ? 200 : 503)
        },
      },
      secretBox: makeSecretBox([]),
      clock,
      random: { fraction: () => 0.5, bytes: (count) => new Uint8Array(count) },
      ids,
      schedule: SCHEDULE,
      jitter: 0,
      userAgent: 'model',
      turns: makeTurns({
        shared: undefined,
        patience: makePatience({ clock, log: SILENT }),
        clock,
      }),
      publishSoon: () => Promise.resolve(),
      afterAttempt: makeIsolation({
        health: rig.health,
        gate: rig.gate,
        handOver: queue.enqueue,
        clock,
        openMs: 30_000,
        disable: () => Promise.resolve(),
        publishSoon: () => Promise.resolve(),
        log: SILENT,
      }),
      steps: () => undefined,
      routing: undefined,
      patience: makePatience({ clock, log: SILENT }),
      log: SILENT,
    })
  }

  const sweep = makeSweep({
    clock,
    log: SILENT,
    store: rig.sweepStore,
    webhooks: rig.webhooks,
    queue,
    routing: undefined,
    retentionDays: 30,
    steps: () => undefined,
  })

  let failure: unknown
  const begin = (deliveryId: string) => {
    const run: WorkerRun = {
      deliveryId,
      open: undefined,
      dead: false,
      ended: false,
      paused: Promise.resolve(),
      pause: () => undefined,
    }
    renew(run)
    runs.push(run)
    const end = (verdict: JobVerdict | undefined) => {
      run.ended = true
      if (verdict !== undefined) queue.tell(deliveryId, verdict)
      run.pause()
    }
    void attemptsFor(run)
      .byId(deliveryId)
      .then(end, (error: unknown) => {
        failure = error
        end(undefined)
      })
    return run
  }
  const renew = (run: WorkerRun) => {
    run.paused = new Promise((resolve) => {
      run.pause = resolve
    })
  }
  const living = () => runs.filter(({ dead, ended }) => !dead && !ended)

  return {
    /** @param enqueued false: the API died before it handed over */
    trigger: async (enqueued: boolean) => {
      const { deliveryIds } = await rig.deliveryLog.accept(triggerOf(EVENT))
      accepted.push(...deliveryIds)
      if (enqueued) await queue.enqueue(deliveryIds.map((id) => ({ deliveryId: id, delayMs: 0 })))
    },
    /** A free worker takes a job and goes on to its first await. */
    take: async () => {
      const id = queue.take()
      if (id !== undefined) await begin(id).paused
    },
    /** A worker goes on to its next await. @param ok what the receiver answers, if it is asked now */
    step: async (n: number, ok: boolean) => {
      const run = living()[n % Math.max(1, living().length)]
      if (run?.open === undefined) return
      nextOk = ok
      renew(run)
      run.open()
      await run.paused
      if (failure !== undefined) throw failure as Error
    },
    crash: (n: number) => {
      const run = living()[n % Math.max(1, living().length)]
      if (run === undefined) return
      run.dead = true
      queue.abandon(run.deliveryId)
    },
    flush: () => queue.flush(),
    rollBack: (changes: number) => queue.rollBack(changes),
    orphan: (n: number) => queue.orphan(n),
    /** Time passes: for the log all times lie further back. */
    tick: async (ms: number) => {
      elapsedMs += ms
      await rig.sql(
        `update deliveries set created_at = created_at - $1::float8 * interval '1 ms',
          next_attempt_at = next_attempt_at - $1::float8 * interval '1 ms',
          due_at = due_at - $1::float8 * interval '1 ms',
          claimed_at = claimed_at - $1::float8 * interval '1 ms',
          lease_until = lease_until - $1::float8 * interval '1 ms'
         where finished_at is null`,
        [ms],
      )
    },
    sweep: async () => {
      await sweep({ budgetMs: 20_000 })
    },
    check,
    living: () => living().length,
    open: async () =>
      [...(await rowsOf()).values()].filter(({ status }) =>
        ['pending', 'retrying'].includes(status),
      ).length,
    statuses: async () => [...(await rowsOf()).values()].map(({ status }) => status),
  }
}
