// The whole protocol in one process, for the model test: the real stores on Postgres, a queue and a routing table in
// memory, and a process that may die after any step. Time moves by dating the rows back.

import { createHash } from 'node:crypto'
import { makeAttemptDelivery } from '../../lib/broker/attempt-delivery.ts'
import { makeTurns } from '../../lib/broker/turns.ts'
import { makeIsolation } from '../../lib/broker/isolation.ts'
import { makePatience } from '../../lib/broker/patience.ts'
import type { DeliveryQueue, Steps, StepName } from '../../lib/broker/ports.ts'
import { makeSweep } from '../../lib/broker/sweep.ts'
import { makeTriggerEvent } from '../../lib/broker/trigger-event.ts'
import { makeSecretBox } from '../../lib/domain/secret-box.ts'
import { makeFakeDeliveryQueue } from './fakes/delivery-queue.ts'
import { makeManualClock } from './fakes/manual-clock.ts'
import { makeRecordingLog } from './fakes/recording-log.ts'
import { makeFakeRoutingTable } from './fakes/routing-table.ts'
import { fixedRandom } from './fakes/sources.ts'
import { ids, registered, type StoreRig } from './store-rig.ts'

/** What a receiver saw: one request. */
export type Seen = {
  deliveryId: string
  messageId: string
  attempt: number
  status: number
  bodyHash: string
}

class Died extends Error {}

export type ProtocolWorld = Awaited<ReturnType<typeof makeProtocolWorld>>

const SECRET = `plain:whsec_${Buffer.alloc(32, 7).toString('base64')}`
const WEBHOOKS = 3

export const makeProtocolWorld = async (rig: StoreRig, tenant: string) => {
  const clock = makeManualClock()
  const log = makeRecordingLog()
  const queue = makeFakeDeliveryQueue()
  const routing = makeFakeRoutingTable()
  const patience = makePatience({ clock, log })
  const seen: Seen[] = []
  const accepted: string[] = []
  let dieAfter: StepName | undefined
  let status = 200

  const steps: Steps = (step) => {
    if (step === dieAfter) throw new Died(step)
  }
  // A delayed job comes at once: the claim must refuse what is early.
  const eager: DeliveryQueue = {
    ...queue,
    enqueue: (jobs) => queue.enqueue(jobs.map((job) => ({ ...job, delayMs: 0 }))),
    replace: (jobs) => queue.replace(jobs.map((job) => ({ ...job, delayMs: 0 }))),
  }
  const shared = { log, ids, patience, routing, clock, random: fixedRandom, steps }
  const trigger = makeTriggerEvent({
    ...shared,
    deliveryLog: rig.deliveryLog,
    handOver: eager.enqueue,
  })
  const sweep = makeSweep({
    ...shared,
    store: rig.sweepStore,
    webhooks: rig.webhooks,
    queue: eager,
    retentionDays: 30,
  })
  const attempts = makeAttemptDelivery({
    ...shared,
    deliveryLog: rig.deliveryLog,
    secretBox: makeSecretBox([]),
    schedule: [1_000, 2_000, 4_000],
    jitter: 0,
    userAgent: 'model',
    turns: makeTurns({ shared: undefined, patience, clock }),
    publishSoon: () => Promise.resolve(),
    afterAttempt: makeIsolation({
      health: rig.health,
      gate: rig.gate,
      handOver: eager.enqueue,
      clock,
      openMs: 30_000,
      disable: () => Promise.resolve(),
      publishSoon: () => Promise.resolve(),
      log: log,
    }),
    sender: {
      send: ({ headers, body, mayStillSend, onWritten }) => {
        if (!mayStillSend()) throw new Error('a lease cannot end here: the clock stands still')
        seen.push({
          deliveryId: headers['webhook-delivery-id'] ?? '',
          messageId: headers['webhook-id'] ?? '',
          attempt: Number(headers['webhook-attempt']),
          status,
          bodyHash: createHash('sha256').update(body).digest('hex'),
        })
        onWritten?.()
        return Promise.resolve({
          kind: 'answered',
          response: { statusCode: status, headers: {}, body: new Uint8Array(), bodyBroken: false },
        })
      },
    },
  })

  /** @returns whether it lived */
  const mayDie = async (step: StepName | undefined, run: () => Promise<void>): Promise<boolean> => {
    dieAfter = step
    try {
      await run()
      return true
    } catch (error) {
      if (error instanceof Died) return false
      throw error
    } finally {
      dieAfter = undefined
    }
  }

  for (let index = 0; index < WEBHOOKS; index += 1) {
    const webhook = await registered(rig, 'event', [`http://127.0.0.1:1/${index}`, tenant])
    await rig.sql('update webhooks set secret = $2 where id = $1', [webhook.id, SECRET])
  }

  return {
    seen,
    accepted,
    queue,
    trigger: (step: StepName | undefined) =>
      mayDie(step, async () => {
        const { messageId } = await trigger({
          tenant,
          eventName: 'event',
          contentType: undefined,
          body: Buffer.from(`{"n":${seen.length}}`),
          idempotencyKey: undefined,
          traceparent: null,
        })
        accepted.push(messageId)
      }),
    /** A worker takes one job. */
    work: async (step: StepName | undefined, answer: number) => {
      const deliveryId = queue.take()
      if (deliveryId === undefined) return
      status = answer
      const lived = await mayDie(step, async () => {
        const verdict = await attempts.byId(deliveryId)
        queue.finish(deliveryId)
        if (verdict.kind !== 'done') await eager.enqueue([{ deliveryId, delayMs: verdict.delayMs }])
      })
      if (!lived) queue.loseLock(deliveryId)
    },
    sweep: (step: StepName | undefined) =>
      mayDie(step, async () => {
        await sweep({ budgetMs: 60_000 })
      }),
    /** Redis is emptied. */
    flush: () => {
      queue.clear()
      routing.clear()
    },
    /** A failover to a replica that never saw the last jobs. */
    rollBack: async () => {
      const held = await queue.incarnation()
      queue.clear()
      routing.clear()
      if (held !== undefined) await queue.raiseIncarnation(undefined, Math.max(0, held - 2))
    },
    /** Time passes: every open row is as much older. */
    tick: async (ms: number) => {
      await clock.advance(ms)
      await rig.sql(
        `update deliveries set next_attempt_at = next_attempt_at - $2 * interval '1 ms',
          due_at = due_at - $2 * interval '1 ms', lease_until = lease_until - $2 * interval '1 ms'
        where tenant = $1 and finished_at is null`,
        [tenant, ms],
      )
    },
  }
}
