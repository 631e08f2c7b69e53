// The repair: finds deliveries that the queue forgot and enqueues them. Postgres knows what is open and when it is due;
// Redis is only asked whether it still has the job. It may be killed at any point and may overlap with another sweep:
// what it pushes is committed before Redis is asked, and adding a job twice adds it once.

import { firstIdAt } from '../domain/ids.ts'
import type {
  Clock,
  DeliveryQueue,
  HandOver,
  Log,
  RoutingTable,
  Steps,
  SweepStore,
  WebhookStore,
} from './ports.ts'
import { enqueueForgotten, replaceAbandoned } from './sweep-enqueue.ts'
import { publish, publishDue } from './sweep-publish.ts'
import { emptySummary, type SweepSummary } from './sweep-summary.ts'

export type SweepDeps = {
  clock: Clock
  log: Log
  store: SweepStore
  webhooks: Pick<WebhookStore, 'routingVersions' | 'routingSnapshot'>
  /** Both undefined for a broker without Redis: then expired leases and deleted webhooks are all there is to repair. */
  queue: (DeliveryQueue & { isFull?(): Promise<boolean> }) | undefined
  /** A dispatcher that cannot be asked what it holds (QStash): what is due is handed over once more. */
  publish?: HandOver | undefined
  routing: RoutingTable | undefined
  retentionDays: number
  steps: Steps
}

export type Sweep = (options: { budgetMs: number }) => Promise<SweepSummary>

const BATCH = 500
// 2,000 deliveries a second become due after a loss of Redis: workers and receivers are not flooded at once.
const MAKE_DUE_PAUSE_MS = 250
const TAKEN_PER_RUN = 100_000
const PRUNE_BATCH = 500
const WOKEN_PER_RUN = 100
const DAY_MS = 86_400_000

type Run = SweepDeps & {
  summary: SweepSummary
  leftMs: () => number
  taken: { count: number }
  repair: Repair
}

/** A repair of a lost Redis that the time budget ended: by which mark in Redis it is known, and where it goes on. */
type Repair = { mark: number | undefined; after: string | undefined }

/** @throws BrokerError `log_unavailable`; a Redis that does not answer is reported in the summary */
export const makeSweep = (deps: SweepDeps): Sweep => {
  const repair: Repair = { mark: undefined, after: undefined }
  return async ({ budgetMs }) => {
    const startedMs = deps.clock.elapsedMs()
    const passedMs = () => deps.clock.elapsedMs() - startedMs
    const run: Run = {
      ...deps,
      summary: emptySummary(deps),
      leftMs: () => budgetMs - passedMs(),
      taken: { count: 0 },
      repair,
    }
    const { summary } = run
    await withRedis(run, () => checkIncarnation(run))
    run.steps('S2')
    await takeAllDue(run)
    await withRedis(run, () => replaceAbandoned(run))
    await wakeWebhooks(run)
    await withRedis(run, () => rebuildRouting(run))
    await prune(run)
    run.steps('S4')
    await deps.store.finished()
    summary.durationMs = Math.round(passedMs())
    deps.log.info('sweep.finished', summary)
    return summary
  }
}

/** Runs a part that needs Redis. Once Redis has failed, the rest of the run does without. */
const withRedis = async (run: Run, part: () => Promise<void>): Promise<void> => {
  if (run.summary.redis !== 'ok') return
  try {
    await part()
  } catch (error) {
    run.summary.redis = 'unavailable'
    run.log.warn('sweep.redis_unavailable', { error })
  }
}

/**
 * S2. The counter is raised by every sweep in Redis first and in Postgres second, so a Redis that holds less (or
 * nothing) was emptied or rolled back. During the repair it holds a mark below 0, and it is raised only from the value
 * that was read: a second loss in the middle leaves it missing, and the next sweep begins again. A repair that the time
 * budget ended goes on where it stopped, as long as its own mark stands.
 */
const checkIncarnation = async (run: Run): Promise<void> => {
  const { queue, store, summary, log } = run
  if (queue === undefined) return
  // Postgres first: a sweep that overlaps raises Redis first, and so never makes Redis look as if it held less.
  const inPostgres = await store.incarnation()
  const inRedis = await queue.incarnation()
  let from = inRedis
  // No sweep has raised it yet: nothing can have been lost since.
  const first = inRedis === undefined && inPostgres === 0
  if (!first && (inRedis === undefined || inRedis < inPostgres)) {
    summary.redisLost = true
    log.warn('sweep.redis_lost', { inRedis: inRedis ?? null, inPostgres })
    from = await beginRepair(run, queue, inRedis)
    if (from === undefined || !(await makeAllDue(run))) return
  }
  const to = Math.max(from ?? 0, inPostgres) + 1
  if (await queue.raiseIncarnation(from, to)) await store.raiseIncarnation(to)
}

/** @returns the repair's mark, or undefined when another sweep was faster */
const beginRepair = async (
  { repair, clock }: Run,
  queue: DeliveryQueue,
  inRedis: number | undefined,
): Promise<number | undefined> => {
  if (inRedis !== undefined && inRedis === repair.mark) return inRedis
  const mark = -clock.nowMs()
  if (!(await queue.raiseIncarnation(inRedis, mark))) return undefined
  Object.assign(repair, { mark, after: undefined } satisfies Repair)
  return mark
}

/** @returns whether it came to the end within the budget */
const makeAllDue = async (run: Run): Promise<boolean> => {
  const { repair } = run
  do {
    const { next, count } = await run.store.makeDue(BATCH, repair.after)
    run.summary.madeDue += count
    await takeAllDue(run)
    repair.after = next
    if (next !== undefined && count > 0) await run.clock.wait(MAKE_DUE_PAUSE_MS)
  } while (repair.after !== undefined && run.leftMs() > 0)
  return repair.after === undefined
}

/** S1 and S3, batch by batch, until nothing is due or the time is up. */
const takeAllDue = async (run: Run): Promise<void> => {
  for (;;) {
    if (run.leftMs() <= 0 || run.taken.count >= TAKEN_PER_RUN) {
      run.summary.complete = false
      return
    }
    const due = await run.store.takeDue(BATCH)
    run.steps('S1')
    run.taken.count += due.length
    for (const { finding } of due) run.summary.found[finding] += 1
    await withRedis(run, () => enqueueForgotten(run, due))
    await publishDue(run, due)
    run.steps('S3')
    if (due.length < BATCH) return
    if (run.summary.qstash === 'unavailable' || (await isFull(run))) {
      run.summary.complete = false
      return
    }
  }
}

/** Past the high-water mark, and without QStash, a run takes one batch, for the leases that have ended; what else is due
 *  stays due. */
const isFull = async (run: Run): Promise<boolean> => {
  let full = false
  await withRedis(run, async () => {
    full = (await run.queue?.isFull?.()) ?? false
  })
  return full
}

/** What is let go here is due in Postgres, too: without Redis the direct dispatcher finds it. */
const wakeWebhooks = async (run: Run): Promise<void> => {
  const { store, queue, summary } = run
  const ready = await store.wakeWebhooks(WOKEN_PER_RUN)
  summary.woken = ready.length
  if (ready.length === 0) return
  const jobs = ready.map((delivery) => ({ ...delivery, delayMs: 0 }))
  await withRedis(run, async () => queue?.enqueue(jobs))
  await publish(run, jobs)
}

const rebuildRouting = async ({ routing, webhooks, summary, log }: Run): Promise<void> => {
  if (routing === undefined) return
  const tenants = await webhooks.routingVersions()
  const held = await routing.versions(tenants.map(({ tenant }) => tenant))
  for (const [index, { tenant, version }] of tenants.entries()) {
    if (held[index] === version) continue
    const won = await routing.rebuild(() => webhooks.routingSnapshot(tenant), tenant)
    if (won) summary.rebuiltTenants += 1
    log.info('routing.rebuilt', { tenant, from: held[index] ?? null, version, won })
  }
}

/** S4: retention, in small batches with what is left of the time. */
const prune = async ({ store, summary, clock, retentionDays, leftMs }: Run): Promise<void> => {
  const before = firstIdAt('msg', clock.nowMs() - (retentionDays - 1) * DAY_MS)
  let after: string | undefined
  do {
    const { next, removed } = await store.prune(PRUNE_BATCH, { before, after })
    summary.pruned += removed
    after = next
  } while (after !== undefined && leftMs() > 0)
  while ((await store.pruneExpired(PRUNE_BATCH)) >= PRUNE_BATCH && leftMs() > 0);
}
