// The whole broker in memory: every use case over the fakes, receivers that a test scripts, workers that take a job when
// they are told to. Time stands still until the test moves it, for the database and the processes alike.

import { makeAttemptDelivery } from '../../../lib/broker/attempt-delivery.ts'
import { makeAudit } from '../../../lib/broker/audit.ts'
import { disableFailing } from '../../../lib/broker/disable-webhook.ts'
import { makeTurns } from '../../../lib/broker/turns.ts'
import { makeIsolation } from '../../../lib/broker/isolation.ts'
import { makeManageWebhook } from '../../../lib/broker/manage-webhook.ts'
import { makePatience } from '../../../lib/broker/patience.ts'
import type {
  DeliveryQueue,
  JobVerdict,
  RoutingTable,
  SendRequest,
} from '../../../lib/broker/ports.ts'
import { makePublishSoon, publishAll } from '../../../lib/broker/publish-events.ts'
import { makeRegisterWebhook } from '../../../lib/broker/register-webhook.ts'
import { makeReplayDelivery } from '../../../lib/broker/replay-delivery.ts'
import { makeSweep } from '../../../lib/broker/sweep.ts'
import { makeTriggerEvent } from '../../../lib/broker/trigger-event.ts'
import { parseCidrs } from '../../../lib/domain/address-guard.ts'
import type { SendOutcome } from '../../../lib/domain/attempt.ts'
import { makeSecretBox } from '../../../lib/domain/secret-box.ts'
import { makeIds } from '../../../lib/wiring/runtime.ts'
import { answered, makeFakeStores } from '../store-rig.ts'
import { makeManualClock } from './manual-clock.ts'
import { makeRecordingLog } from './recording-log.ts'
import { makeFakeRoutingTable } from './routing-table.ts'
import { fixedRandom } from './sources.ts'
import { behindRedis, makeTimedQueue } from './world-queue.ts'

export const TENANT = 'default'
const START_MS = Date.parse('2026-01-31T12:00:00Z')

/** What a receiver does with a request. */
export type Receive = (request: SendRequest) => SendOutcome | Promise<SendOutcome>

export type FakeBroker = ReturnType<typeof makeFakeBroker>

/** @param schedule delays between attempts, in ms */
export const makeFakeBroker = (schedule: readonly number[] = [5_000, 30_000]) => {
  const clock = makeManualClock(START_MS)
  const log = makeRecordingLog()
  const stores = makeFakeStores(clock.nowMs)
  const queue = makeTimedQueue(clock.nowMs)
  const table = makeFakeRoutingTable()
  const redis = { up: true }
  const requests: SendRequest[] = []
  const receivers = new Map<string, Receive>()

  const shared = {
    log,
    clock,
    patience: makePatience({ clock, log }),
    ids: makeIds(clock, fixedRandom),
    random: fixedRandom,
    secretBox: makeSecretBox([new Uint8Array(32).fill(1)]),
    urlPolicy: { allowedCidrs: parseCidrs('127.0.0.1/32') ?? [], httpsOnly: false },
    steps: () => undefined,
    webhooks: stores.webhooks,
    deliveryLog: stores.deliveryLog,
    routing: behindRedis<RoutingTable>(table, redis),
  }
  const reached = behindRedis<DeliveryQueue>(queue, redis)
  const publishing = { ...shared, ...stores, handOver: reached.enqueue }
  const publishSoon = makePublishSoon(publishing)
  const attempts = makeAttemptDelivery({
    ...shared,
    publishSoon,
    schedule,
    jitter: 0,
    userAgent: 'webhook-broker/test',
    turns: makeTurns({ shared: undefined, patience: shared.patience, clock }),
    afterAttempt: makeIsolation({
      health: stores.health,
      gate: stores.gate,
      handOver: reached.enqueue,
      clock,
      openMs: 30_000,
      publishSoon,
      disable: ({ webhookId }) => disableFailing(shared, webhookId),
      log,
    }),
    sender: {
      send: async (request) => {
        if (!request.mayStillSend()) return LEASE_LOST
        requests.push(request)
        request.onWritten?.()
        return (await receivers.get(request.url)?.(request)) ?? answered(200)
      },
    },
  })
  const sweep = makeSweep({
    ...shared,
    store: stores.sweepStore,
    queue: reached,
    retentionDays: 30,
  })
  const tellQueue = async (deliveryId: string, verdict: JobVerdict) => {
    queue.finish(deliveryId)
    if (verdict.kind !== 'done') await queue.enqueue([{ deliveryId, delayMs: verdict.delayMs }])
  }

  return {
    ...stores,
    clock,
    log,
    queue,
    table,
    redis,
    requests,
    /** Scripts the receiver at a URL; without a script it answers 200. */
    receive: (url: string, receiver: Receive) => receivers.set(url, receiver),
    register: makeRegisterWebhook(shared),
    manage: makeManageWebhook({
      ...shared,
      handOver: reached.enqueue,
      publishSoon,
      bulkReplays: NOTHING_MISSED,
    }),
    trigger: makeTriggerEvent({ ...shared, handOver: reached.enqueue }),
    replay: makeReplayDelivery({
      ...shared,
      replays: stores.replays,
      reader: stores.reader,
      handOverAgain: reached.replace,
    }),
    audit: makeAudit({ audits: stores.audits, log }),
    attempts,
    /** As after FLUSHALL. */
    emptyRedis: () => {
      queue.clear()
      table.clear()
    },
    sweep: async () => {
      const summary = await sweep({ budgetMs: 20_000 })
      await publishAll(publishing)
      return summary
    },
    /** Workers take what waits until nothing does. @returns how many jobs they took */
    work: async (): Promise<number> => {
      let taken = 0
      await queue.promote()
      for (let id = queue.take(); id !== undefined; id = queue.take()) {
        taken += 1
        await tellQueue(id, await attempts.byId(id))
      }
      return taken
    },
    /** A worker takes a job, claims it and dies before it sends a byte. */
    crash: async (): Promise<string> => {
      const id = queue.take()
      if (id === undefined) throw new Error('no job waits')
      await stores.deliveryLog.claim(id, shared.ids.token())
      queue.loseLock(id)
      return id
    },
  }
}

// What was missed is counted by SQL alone, and tested there.
const NOTHING_MISSED = { missedNow: () => Promise.resolve({ messages: 0, capped: false }) }

const LEASE_LOST: SendOutcome = {
  kind: 'failed',
  code: 'timeout',
  detail: 'the lease ended before the request was sent',
  permanent: false,
  staleConnection: false,
}
