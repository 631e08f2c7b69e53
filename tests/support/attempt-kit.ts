// One attempt with everything around it scripted: the claim, the receiver, the log.

import { makeAttemptDelivery, type AttemptDeps } from '../../lib/broker/attempt-delivery.ts'
import { makePatience } from '../../lib/broker/patience.ts'
import type {
  AttemptResult,
  Claim,
  ClaimOutcome,
  Recorded,
  RoutingChange,
  SendRequest,
} from '../../lib/broker/ports.ts'
import type { SendOutcome } from '../../lib/domain/attempt.ts'
import { makeSecretBox } from '../../lib/domain/secret-box.ts'
import { makeManualClock } from './fakes/manual-clock.ts'
import { makeRecordingLog } from './fakes/recording-log.ts'
import { makeFakeRoutingTable } from './fakes/routing-table.ts'
import { fixedRandom, makeNumberedIds } from './fakes/sources.ts'

export const claim: Claim = {
  deliveryId: 'dlv_1',
  token: 'token-1',
  attemptNumber: 2,
  series: 1,
  stepsUsed: 0,
  previousWasStale: false,
  messageId: 'msg_1',
  tenant: 'default',
  eventName: 'upload_image',
  contentType: 'application/json',
  payload: Buffer.from('{"a":1}'),
  createdAtMs: 0,
  webhookId: 'wh_1',
  webhookUrl: 'http://127.0.0.1:4000/hook',
  headers: { 'x-team': 'a', 'webhook-id': 'forged', host: 'forged' },
  sealedSecrets: ['plain:whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc='],
  timeoutMs: 1_000,
  claimedAtMs: 1_700_000_000_000,
  leaseUntilMs: 1_700_000_001_500,
  traceparent: null,
  health: { probe: false, released: false, opens: 0, failingForMs: null },
}

export const answered = (statusCode: number): SendOutcome => ({
  kind: 'answered',
  response: { statusCode, headers: {}, body: new Uint8Array(), bodyBroken: false },
})

type Script = {
  outcome?: ClaimOutcome
  send?: (request: SendRequest) => Promise<SendOutcome>
  record?: (result: AttemptResult) => Promise<Recorded>
  /** What the log says that the result disabled. */
  change?: RoutingChange
  /** Whether the log says that it noted an operational event. */
  noted?: boolean
}

export const setUpAttempt = (script: Script = {}, deps: Partial<AttemptDeps> = {}) => {
  const clock = makeManualClock()
  const log = makeRecordingLog()
  const steps: string[] = []
  const requests: SendRequest[] = []
  const results: AttemptResult[] = []
  const routing = makeFakeRoutingTable()
  const attempts = makeAttemptDelivery({
    deliveryLog: {
      claim: () => {
        steps.push('claim')
        return Promise.resolve(script.outcome ?? { kind: 'claimed', claim })
      },
      postpone: () => {
        steps.push('postpone')
        return Promise.resolve()
      },
      record: (result) => {
        steps.push('record')
        results.push(result)
        const { plan } = result
        return (
          script.record?.(result) ??
          Promise.resolve({
            status: plan.kind === 'retry' ? 'retrying' : plan.kind,
            fenced: false,
            nextAttemptAtMs: plan.kind === 'retry' ? 5_000 + plan.delayMs : null,
            generation: 7,
            dbNowMs: 5_000,
            disabled: script.change ?? null,
            noted: script.noted ?? false,
          })
        )
      },
    },
    sender: {
      send: (request) => {
        requests.push(request)
        if (!request.mayStillSend()) {
          return Promise.resolve({
            kind: 'failed',
            code: 'timeout',
            detail: 'lease lost before sending',
            permanent: false,
            staleConnection: false,
          })
        }
        steps.push('send')
        request.onWritten?.()
        return script.send?.(request) ?? Promise.resolve(answered(200))
      },
    },
    secretBox: makeSecretBox([]),
    routing,
    patience: makePatience({ clock, log }),
    clock,
    random: fixedRandom,
    ids: makeNumberedIds(),
    schedule: [5_000, 660_000],
    jitter: 0,
    userAgent: 'webhook-broker/test',
    afterAttempt: () => Promise.resolve(),
    publishSoon: () => {
      steps.push('publish')
      return Promise.resolve()
    },
    turns: { take: () => Promise.resolve({ kind: 'now', waitMs: 0 }) },
    steps: (step) => steps.push(step),
    log,
    ...deps,
  })
  return { clock, log, steps, requests, results, routing, attempts }
}
