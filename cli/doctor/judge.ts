// What the facts mean and what to do about them. Pure: looking stands in look-*.ts.

import type { Config } from '../../lib/config.ts'
import { makeSecretBox } from '../../lib/domain/secret-box.ts'
import type { BrokerState, DatabaseFacts } from '../../lib/postgres/inspect.ts'
import type { Policy } from '../../lib/queue/check-redis.ts'

export type Verdict = 'ok' | 'warn' | 'fail' | 'skip'

export type Finding = {
  check: string
  verdict: Verdict
  found: string
  /** What to do; there is one unless it is well. */
  advice?: string
}

/** Receivers accept a timestamp that is up to five minutes off; a minute leaves room for their own clocks. */
const CLOCK_FAIL_MS = 60_000
const CLOCK_WARN_MS = 5_000

/** @param offMs by how much a clock is ahead (or behind, below 0) of this machine's */
export const judgeClock = (check: string, offMs: number): Finding => {
  const size = Math.abs(offMs)
  const found =
    size < 1_000
      ? 'agrees with the clock of this machine'
      : `${Math.round(size / 1_000)} s ${offMs > 0 ? 'ahead of' : 'behind'} the clock of this machine`
  if (size < CLOCK_WARN_MS) return { check, verdict: 'ok', found }
  return {
    check,
    verdict: size < CLOCK_FAIL_MS ? 'warn' : 'fail',
    found,
    advice: 'set both by NTP: receivers refuse a webhook-timestamp that is minutes off',
  }
}

/** How far a moment lies outside an interval: after it (above 0), before it (below 0), or within (0). */
export const outside = (
  moment: { fromMs: number; toMs: number },
  interval: { fromMs: number; toMs: number },
): number => {
  if (moment.fromMs > interval.toMs) return moment.fromMs - interval.toMs
  return moment.toMs < interval.fromMs ? moment.toMs - interval.fromMs : 0
}

export const judgePolicy = (policy: Policy): Finding => {
  const check = 'redis'
  if (policy === 'unreachable') {
    return {
      check,
      verdict: 'fail',
      found: 'REDIS_URL does not answer; deliveries are made straight from Postgres meanwhile',
      advice: 'start Redis, or correct REDIS_URL',
    }
  }
  if (policy === 'unknown') {
    return {
      check,
      verdict: 'warn',
      found: 'answers, but does not tell its maxmemory-policy',
      advice: 'see in its console that maxmemory-policy is noeviction',
    }
  }
  if (policy.policy === 'noeviction') {
    return { check, verdict: 'ok', found: 'answers; maxmemory-policy is noeviction' }
  }
  return {
    check,
    verdict: 'fail',
    found: `maxmemory-policy is ${policy.policy}: a full Redis would drop jobs`,
    advice:
      'redis-cli CONFIG SET maxmemory-policy noeviction (and in redis.conf); the broker refuses to start with another one',
  }
}

export const judgePostgres = ({ version, fsync, synchronousCommit }: DatabaseFacts): Finding => {
  const check = 'postgres'
  if (fsync === 'off' || synchronousCommit === 'off') {
    const setting = fsync === 'off' ? 'fsync' : 'synchronous_commit'
    return {
      check,
      verdict: 'fail',
      found: `${setting} is off: what was answered 202 may be lost with the power`,
      advice: `set ${setting} to on`,
    }
  }
  return { check, verdict: 'ok', found: `answers; version ${version}` }
}

export const judgeMigrations = (pending: readonly string[]): Finding =>
  pending.length === 0
    ? { check: 'migrations', verdict: 'ok', found: 'the schema is up to date' }
    : {
        check: 'migrations',
        verdict: 'fail',
        found: `missing: ${pending.join(', ')}`,
        advice: 'npm run migrate',
      }

export const judgeSecretKey = (
  { secretKeys }: Pick<Config, 'secretKeys'>,
  sealed: BrokerState['sealed'],
): Finding => {
  const check = 'secret key'
  if (sealed !== undefined) {
    try {
      makeSecretBox(secretKeys).open(sealed.secret, sealed.webhookId)
    } catch {
      return {
        check,
        verdict: 'fail',
        found: 'the signing secrets in Postgres are sealed with another key: nothing can be signed',
        advice: 'add that key to BROKER_SECRET_KEY (several are comma separated, newest first)',
      }
    }
  }
  return secretKeys.length === 0
    ? {
        check,
        verdict: 'warn',
        found: 'BROKER_SECRET_KEY is not set: signing secrets are stored as they are',
        advice: 'set it to the output of: openssl rand -base64 32',
      }
    : { check, verdict: 'ok', found: 'opens the signing secrets' }
}

/** Longer than the sweep is away when it is merely restarted. */
const MISSED_SWEEPS = 5
const OVERDUE_MS = 300_000

export const judgeSweep = (
  state: BrokerState,
  { nowMs, intervalMs }: { nowMs: number; intervalMs: number },
): Finding => {
  const check = 'sweep'
  const advice =
    'see that the sweep runs: npm run sweep -- --every, or the schedule of its function'
  if (state.lastSweepAtMs === null) {
    return { check, verdict: 'warn', found: 'has never run', advice }
  }
  const agoMs = nowMs - state.lastSweepAtMs
  const found = `ran ${duration(agoMs)} ago`
  return agoMs > Math.max(MISSED_SWEEPS * intervalMs, 60_000)
    ? { check, verdict: 'fail', found, advice }
    : { check, verdict: 'ok', found }
}

export const judgeOverdue = (state: BrokerState, nowMs: number): Finding => {
  const check = 'backlog'
  const lateMs = state.oldestDueAtMs === null ? 0 : nowMs - state.oldestDueAtMs
  return lateMs > OVERDUE_MS
    ? {
        check,
        verdict: 'fail',
        found: `a delivery has been due for ${duration(lateMs)}`,
        advice: 'see that workers run and have enough concurrency: docs/runbook.md, "Backlog"',
      }
    : { check, verdict: 'ok', found: 'nothing has been due for long' }
}

const HOUR_MS = 3_600_000

export const judgeSchedule = ({ schedule }: Pick<Config['delivery'], 'schedule'>): Finding => {
  const totalMs = schedule.reduce((sum, delayMs) => sum + delayMs, 0)
  const found = `${schedule.length + 1} attempts within ${duration(totalMs)}`
  return totalMs < HOUR_MS
    ? {
        check: 'schedule',
        verdict: 'warn',
        found,
        advice: 'a receiver that is away for longer loses events; lengthen BROKER_RETRY_SCHEDULE',
      }
    : { check: 'schedule', verdict: 'ok', found }
}

export const judgeKeys = ({ auth }: Pick<Config, 'auth'>): Finding =>
  auth.kind === 'keys'
    ? { check: 'keys', verdict: 'ok', found: `${auth.keys.length} in BROKER_API_KEYS` }
    : {
        check: 'keys',
        verdict: 'warn',
        found: `no key is asked for: ${auth.reason}`,
        advice: 'set BROKER_API_KEYS where others can reach the broker',
      }

/** In the two largest units. */
export const duration = (durationMs: number): string => {
  const units: [string, number][] = [
    ['d', 86_400_000],
    ['h', HOUR_MS],
    ['min', 60_000],
    ['s', 1_000],
  ]
  const parts: string[] = []
  let rest = Math.max(0, durationMs)
  for (const [unit, sizeMs] of units) {
    const count = Math.floor(rest / sizeMs)
    rest -= count * sizeMs
    if (count > 0 && parts.length < 2) parts.push(`${count} ${unit}`)
    else if (parts.length > 0) break
  }
  return parts.length === 0 ? '0 s' : parts.join(' ')
}
