// Recording a result in memory: fenced, and repeatable.

import type { AttemptResult, AttemptView, Recorded } from '../../../lib/broker/ports.ts'
import { judge, type Plan, type SendOutcome } from '../../../lib/domain/attempt.ts'
import { isOpen, type DeliveryStatus } from '../../../lib/domain/delivery.ts'
import { noteDead } from './operational-events.ts'
import { disable } from './webhook-store.ts'
import type { DeliveryRow, World } from './world.ts'

export const record = (world: World, result: AttemptResult): Recorded => {
  const { claim, outcome, plan } = result
  const row = world.deliveries.get(claim.deliveryId)
  if (row === undefined) {
    return { ...GONE }
  }
  const ours = row.claimToken === claim.token && row.attemptCount === claim.attemptNumber
  const held = ours && row.leaseUntilMs !== null
  const repeated = ours && row.leaseUntilMs === null
  const succeeded = judge(outcome) === 'succeeded'
  let died = false
  if (held || (succeeded && !repeated)) {
    logAttempt(world, result)
    const status = nextStatus(row, { claim, plan, succeeded })
    if (held) {
      row.leaseUntilMs = null
      row.lastStale = outcome.kind === 'failed' && outcome.staleConnection
    }
    row.parked = null
    if (succeeded) row.firstDeliveredAtMs ??= world.nowMs()
    if (status !== undefined) move(world, row, { status, plan })
    died = status === 'dead'
  }
  const ownOpen = isOpen(row.status) && (held || repeated)
  return {
    status: row.status,
    fenced: !ours,
    nextAttemptAtMs: ownOpen ? row.nextAttemptAtMs : null,
    generation: row.generation,
    dbNowMs: world.nowMs(),
    noted: died && noteDead(world, row, answerOf(outcome)),
    disabled:
      held && plan.kind === 'dead' && plan.disablesWebhook
        ? disable(world, row.webhookId, 'gone')
        : null,
  }
}

const GONE: Recorded = {
  status: 'cancelled',
  fenced: true,
  nextAttemptAtMs: null,
  generation: 0,
  dbNowMs: 0,
  disabled: null,
  noted: false,
}

const answerOf = (outcome: SendOutcome) =>
  outcome.kind === 'answered'
    ? { code: 'http_status' as const, statusCode: outcome.response.statusCode }
    : { code: outcome.code, statusCode: null }

type Judged = { claim: AttemptResult['claim']; plan: Plan; succeeded: boolean }

/** @returns undefined when the result changes no status: it is of an older series, or the delivery has ended */
const nextStatus = (row: DeliveryRow, { claim, plan, succeeded }: Judged) => {
  if (claim.series !== row.series) return undefined
  if (succeeded) return 'delivered'
  if (row.finishedAtMs !== null) return undefined
  return plan.kind === 'retry' ? 'retrying' : 'dead'
}

const move = (
  world: World,
  row: DeliveryRow,
  { status, plan }: { status: DeliveryStatus; plan: Plan },
): void => {
  const { queueHorizonMs, graceMs } = world.settings
  if (status === 'retrying' && plan.kind === 'retry') {
    row.nextAttemptAtMs = world.nowMs() + plan.delayMs
    row.dueAtMs = row.nextAttemptAtMs + (plan.delayMs <= queueHorizonMs ? graceMs : 0)
    if (plan.usesStep) row.stepsUsed += 1
    row.generation += 1
  } else if (row.status !== 'delivered') {
    row.finishedAtMs = world.nowMs()
    row.deadReason = status === 'dead' && plan.kind === 'dead' ? plan.reason : null
  }
  row.status = status
}

const logAttempt = (world: World, { claim, outcome, durationMs }: AttemptResult): void => {
  const attempts = world.attempts.get(claim.deliveryId) ?? []
  const known = attempts.findIndex(({ number }) => number === claim.attemptNumber)
  const entry: AttemptView = {
    number: claim.attemptNumber,
    series: claim.series,
    startedAt: new Date(claim.claimedAtMs),
    finishedAt: new Date(world.nowMs()),
    durationMs: Math.round(durationMs),
    outcome: judge(outcome) === 'succeeded' ? 'succeeded' : 'failed',
    ...(outcome.kind === 'answered'
      ? {
          code: 'http_status' as const,
          statusCode: outcome.response.statusCode,
          responseHeaders: storable(outcome.response.headers),
          responseBody: outcome.response.body.slice(),
          detail: outcome.response.bodyBroken
            ? 'the response body could not be read to its end'
            : null,
        }
      : {
          code: outcome.code,
          statusCode: null,
          responseHeaders: null,
          responseBody: null,
          detail: outcome.detail,
        }),
  }
  if (known === -1) attempts.push(entry)
  else if (attempts[known]?.outcome === 'unknown') attempts[known] = entry
  world.attempts.set(
    claim.deliveryId,
    attempts.sort((a, b) => a.number - b.number),
  )
}

const storable = (headers: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.replaceAll('\u0000', '')]),
  )
