// The client of the fault tests: it triggers with an Idempotency-Key, repeats what was not confirmed, and remembers every
// 202. What it remembers is what the broker owes.

import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'

/** A trigger that was answered 202. */
export type Acknowledged = {
  messageId: string
  eventName: string
  /** How many deliveries the answer promised. */
  deliveries: number
  /** SHA-256 of the payload, hex. */
  bodyHash: string
}

/** A status, or `none`: no answer came. */
export type Answer = { status: number | 'none'; tookMs: number; atMs: number; error?: unknown }

export type FaultClient = {
  acknowledged: Acknowledged[]
  /** Everything that was answered, in order. */
  answers: Answer[]
  /** Triggers until it is acknowledged, at most `patienceMs`; `keyless`: as a client that may accept twice does.
   *  @throws Error when it was not */
  trigger(
    eventName: string,
    options?: { payload?: string; patienceMs?: number; keyless?: boolean },
  ): Promise<Acknowledged>
  /** One request, whatever comes of it. */
  triggerOnce(eventName: string, key?: string): Promise<Answer>
  /** So many triggers a second for so long; resolves when all of them are acknowledged. */
  load(options: LoadOptions): Promise<Acknowledged[]>
  /** @returns the webhook's id */
  register(eventName: string, webhookUrl: string, secret: string): Promise<string>
  audit(): Promise<{ balanced: boolean }>
}

export type LoadOptions = {
  eventName: string
  perSecond: number
  forMs: number
  patienceMs?: number
}

const REQUEST_TIMEOUT_MS = 30_000
const REPEAT_MS = 100
const PATIENCE_MS = 20_000
const BURST_MS = 50

type Trigger = { eventName: string; key: string | undefined; payload: string }

export const makeFaultClient = (baseUrl: string): FaultClient => {
  const acknowledged: Acknowledged[] = []
  const answers: Answer[] = []
  let count = 0
  const nextPayload = () => JSON.stringify({ n: (count += 1), text: 'żółć 🙂' })

  const post = async ({ eventName, key, payload }: Trigger): Promise<Answer> => {
    const startedMs = performance.now()
    const end = (status: Answer['status'], error?: unknown): Answer => {
      const answer = { status, tookMs: performance.now() - startedMs, atMs: Date.now(), error }
      answers.push(answer)
      return answer
    }
    try {
      const response = await fetch(`${baseUrl}/api/v0/trigger-event/${eventName}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        body: payload,
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      })
      const body = (await response.json()) as { messageId: string; deliveries: number }
      if (response.status === 202) {
        acknowledged.push({
          messageId: body.messageId,
          eventName,
          deliveries: body.deliveries,
          bodyHash: createHash('sha256').update(payload).digest('hex'),
        })
      }
      return end(response.status)
    } catch (error) {
      return end('none', error)
    }
  }

  const trigger: FaultClient['trigger'] = async (eventName, options = {}) => {
    const { payload = nextPayload(), patienceMs = PATIENCE_MS, keyless = false } = options
    const key = keyless ? undefined : randomUUID()
    const deadlineMs = performance.now() + patienceMs
    for (;;) {
      const before = acknowledged.length
      const { status } = await post({ eventName, key, payload })
      const mine = acknowledged.slice(before).find((entry) => entry.bodyHash === hashOf(payload))
      if (status === 202 && mine !== undefined) return mine
      if (performance.now() >= deadlineMs) throw new Error(`not accepted in time: ${status}`)
      await wait(REPEAT_MS)
    }
  }

  const load: FaultClient['load'] = async ({ eventName, perSecond, forMs, patienceMs }) => {
    const all: Promise<Acknowledged>[] = []
    const startedMs = performance.now()
    for (let passedMs = 0; passedMs < forMs; passedMs = performance.now() - startedMs) {
      const wanted = Math.ceil((Math.min(passedMs + BURST_MS, forMs) * perSecond) / 1000)
      while (all.length < wanted)
        all.push(trigger(eventName, patienceMs === undefined ? {} : { patienceMs }))
      await wait(BURST_MS)
    }
    return Promise.all(all)
  }

  return {
    acknowledged,
    answers,
    trigger,
    triggerOnce: (eventName, key = randomUUID()) => post({ eventName, key, payload: '{}' }),
    load,
    register: async (eventName, webhookUrl, secret) => {
      const response = await fetch(`${baseUrl}/api/v0/webhooks`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ eventName, webhookUrl, secret }),
      })
      const body = (await response.json()) as { id: string }
      if (response.status !== 201) throw new Error(`registering failed: ${JSON.stringify(body)}`)
      return body.id
    },
    audit: async () => {
      const response = await fetch(`${baseUrl}/api/v0/audit`)
      return (await response.json()) as { balanced: boolean }
    },
  }
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')
