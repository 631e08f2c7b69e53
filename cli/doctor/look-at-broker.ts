// Looks at the running broker from outside: whether it answers, its clock, and whether the key is good.

import { describeError } from '../../lib/logger.ts'
import { judgeClock, outside, type Finding } from './judge.ts'

export type BrokerAddress = { baseUrl: string; apiKey: string | undefined; nowMs(): number }

const TIMEOUT_MS = 10_000

export const lookAtBroker = async (broker: BrokerAddress): Promise<Finding[]> => {
  const fromMs = broker.nowMs()
  let response: Response
  try {
    response = await ask(broker, '/readyz')
  } catch (error) {
    return [
      {
        check: 'broker',
        verdict: 'fail',
        found: `${broker.baseUrl} does not answer (${describeError(error)})`,
        advice: 'start the broker, or set BROKER_URL to where it is',
      },
    ]
  }
  const toMs = broker.nowMs()
  const readiness = await judgeReadiness(broker, response)
  const clock = judgeDate(response.headers.get('date'), { fromMs, toMs })
  // Without Postgres, or without a broker, the other questions have no answer.
  if (readiness.verdict === 'fail') return [readiness, ...clock]
  return [readiness, ...clock, await lookAtKey(broker), ...(await lookAtAudit(broker))]
}

const ask = ({ baseUrl, apiKey }: BrokerAddress, path: string): Promise<Response> =>
  fetch(baseUrl.replace(/\/+$/, '') + path, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
  })

const judgeReadiness = async ({ baseUrl }: BrokerAddress, response: Response): Promise<Finding> => {
  const check = 'broker'
  if (response.status === 503) {
    return {
      check,
      verdict: 'fail',
      found: `${baseUrl} answers, but its Postgres does not`,
      advice: 'see docs/runbook.md, "Postgres lost"',
    }
  }
  const body = (await response.json().catch(() => undefined)) as { degraded?: unknown } | undefined
  const degraded = body?.degraded
  if (response.status !== 200 || !Array.isArray(degraded)) {
    return {
      check,
      verdict: 'fail',
      found: `${baseUrl}/readyz was answered ${response.status}: is this the broker?`,
      advice: 'set BROKER_URL to where the broker is',
    }
  }
  return degraded.length === 0
    ? { check, verdict: 'ok', found: `${baseUrl} is ready` }
    : {
        check,
        verdict: 'warn',
        found: `${baseUrl} is ready, but misses: ${degraded.join(', ')}`,
        advice: 'it delivers more slowly meanwhile; see docs/runbook.md',
      }
}

/** The header names a second, so its moment is somewhere within it. */
const judgeDate = (date: string | null, asked: { fromMs: number; toMs: number }): Finding[] => {
  const fromMs = date === null ? Number.NaN : Date.parse(date)
  if (Number.isNaN(fromMs)) return []
  return [judgeClock('broker clock', outside({ fromMs, toMs: fromMs + 1_000 }, asked))]
}

const lookAtKey = async (broker: BrokerAddress): Promise<Finding> => {
  const check = 'key'
  const status = await statusOfList(broker)
  if (status === 401) {
    const found =
      broker.apiKey === undefined
        ? 'the broker asks for a key, and BROKER_API_KEY is not set'
        : 'the broker does not know the key in BROKER_API_KEY'
    return { check, verdict: 'fail', found, advice: 'set BROKER_API_KEY to one of BROKER_API_KEYS' }
  }
  if (status === 403) {
    return {
      check,
      verdict: 'warn',
      found: 'the key may trigger, but not read',
      advice: 'use a key with the scope manage or read to look at webhooks and deliveries',
    }
  }
  if (status !== 200) {
    return {
      check,
      verdict: 'fail',
      found: `listing webhooks was ${status === 0 ? 'not answered' : `answered ${status}`}`,
      advice: 'the log of the broker says why',
    }
  }
  const isAsked = broker.apiKey !== undefined && (await statusOfList(withoutKey(broker))) !== 200
  return { check, verdict: 'ok', found: isAsked ? 'is good' : 'none is asked for' }
}

const withoutKey = (broker: BrokerAddress): BrokerAddress => ({ ...broker, apiKey: undefined })

/** 0 when there was no answer. */
const statusOfList = (broker: BrokerAddress): Promise<number> =>
  ask(broker, '/api/v0/webhooks?page_size=1').then(
    ({ status }) => status,
    () => 0,
  )

/** Nothing where the key may not read, or the log is too large to be counted in time. */
const lookAtAudit = async (broker: BrokerAddress): Promise<Finding[]> => {
  const response = await ask(broker, '/api/v0/audit').catch(() => undefined)
  if (response?.status !== 200) return []
  const { balanced } = (await response.json()) as { balanced: boolean }
  return [
    balanced
      ? { check: 'audit', verdict: 'ok', found: 'every accepted delivery is accounted for' }
      : {
          check: 'audit',
          verdict: 'fail',
          found: 'messages and deliveries do not add up: GET /api/v0/audit says on which day',
          advice: 'see docs/runbook.md, "The audit does not balance"',
        },
  ]
}
