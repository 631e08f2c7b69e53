/* eslint-disable max-lines -- every interface between the story and its adapters stands here, as one table of contents */
// The small interfaces that the use cases need. Adapters (postgres, redis, queue, sender) implement them; nothing in
// lib/broker knows which. Times that matter are the database's; a process clock only measures.

import type { OutcomeCode, Plan, SendOutcome } from '../domain/attempt.ts'
import type { DeadReason, DeliveryStatus, ParkReason, Waiting } from '../domain/delivery.ts'
import type { NotedEvent } from '../domain/operational-event.ts'
import type { ReplayFilter } from '../domain/replay-filter.ts'
import type { Turn } from '../domain/rate-limit.ts'
import type { Counts, StatsPiece } from '../domain/stats.ts'
import type {
  DisabledReason,
  RateLimit,
  Webhook,
  WebhookChange,
  WebhookStatus,
} from '../domain/webhook.ts'

/* ---------- what the wiring injects ---------- */

export type Clock = {
  /** Milliseconds since 1970: for ids, for dates that a receiver wrote, never for leases or due times. */
  nowMs(): number
  /** Milliseconds that only grow: for durations and budgets. */
  elapsedMs(): number
  /** Resolves after so many milliseconds; `signal` ends the wait early (it resolves then, too). */
  wait(delayMs: number, signal?: AbortSignal): Promise<void>
  /**
   * Runs it once after so many milliseconds, when what sockets have brought until then has been read: a process that was
   * held up must not take an answer that lies there for one that did not come.
   *
   * @returns what calls it off
   */
  after(delayMs: number, run: () => void): () => void
}

export type Random = {
  /** A number in [0, 1). */
  fraction(): number
  bytes(count: number): Uint8Array
}

export type IdSource = {
  webhook(): string
  message(): string
  replay(): string
  /** A claim token: unguessable, never reused. */
  token(): string
}

/** One wide structured line per station. Fields hold ids and decisions; no secrets, no query strings. */
export type Log = {
  info(event: string, fields: Record<string, unknown>): void
  warn(event: string, fields: Record<string, unknown>): void
  error(event: string, fields: Record<string, unknown>): void
}

/** The steps of docs/guarantees.md, in whose gaps a process may die. */
export type StepName =
  | 'T1' // routing looked up
  | 'T2' // accepted in Postgres
  | 'T3' // handed to the queue
  | 'W1' // job taken
  | 'W2' // claim committed
  | 'W3' // vetted and signed
  | 'W4' // last look at the lease
  | 'W5' // request written
  | 'W6' // answer judged
  | 'W7' // result committed
  | 'W8' // queue told
  | 'S1' // due deliveries taken
  | 'S2' // incarnation checked
  | 'S3' // forgotten jobs added
  | 'S4' // retention done
  | 'R1' // a batch of a replay committed
  | 'R2' // its queue told
  | 'E1' // operational events taken
  | 'E2' // their messages accepted and handed over
  | 'E3' // the events forgotten

/** Called when a step has just been done. Does nothing, except under the fault tests, which kill the process in it. */
export type Steps = (step: StepName) => void

/* ---------- webhooks (Postgres) ---------- */

/** One committed change of a tenant's routing, to be applied to the routing table only on top of `from`. */
export type RoutingChange = {
  tenant: string
  eventName: string
  webhookUrl: string
  op: 'add' | 'remove'
  /** The tenant's routing version before and after the commit. */
  from: number
  to: number
}

export type NewWebhook = {
  id: string
  tenant: string
  eventName: string
  webhookUrl: string
  description: string | null
  headers: Record<string, string>
  timeoutMs: number | null
  rateLimit: { limit: number; perSeconds: number } | null
  maxInFlight: number | null
  sealedSecret: string
}

export type WebhookQuery = {
  tenant: string
  eventName?: string | undefined
  pageSize: number
  /** Rows to skip; ignored when a cursor is given. */
  offset: number
  /** The last row of the page before (keyset), as the store itself made it. */
  cursor?: WebhookCursor | undefined
}

export type WebhookCursor = { createdAt: string; id: string }

export type WebhookPage = { webhooks: Webhook[]; total: number; nextCursor: WebhookCursor | null }

export type WebhookKey = { tenant: string; eventName: string; id: string }

export type WebhookStore = {
  /** Creates it, or finds the living one of the same (tenant, event, URL). `change` is null when nothing changed. */
  register(
    webhook: NewWebhook,
  ): Promise<{ webhook: Webhook; created: boolean; change: RoutingChange | null }>
  list(query: WebhookQuery): Promise<WebhookPage>
  find(key: WebhookKey): Promise<Webhook | undefined>
  change(
    key: WebhookKey,
    change: WebhookChange & { disabledReason?: DisabledReason | null },
  ): Promise<{ webhook: Webhook; change: RoutingChange | null } | undefined>
  /** Soft: claims see it at once; its open deliveries become `cancelled`. */
  remove(key: WebhookKey): Promise<{ change: RoutingChange | null } | undefined>
  /** Puts a new secret first; the one before it keeps signing for `overlapMs`. */
  rotateSecret(
    key: WebhookKey,
    sealedSecret: string,
    overlapMs: number,
  ): Promise<Webhook | undefined>
  /** The broker itself disables it, because it has failed for days. @returns null when it was disabled already */
  disable(webhookId: string, reason: DisabledReason): Promise<RoutingChange | null>
  /** Deliveries that waited for a webhook to be enabled become due, at most `limit`. */
  releaseParked(webhookId: string, limit: number): Promise<Ready[]>
  /** Every tenant with its routing version, for the sweep. */
  routingVersions(): Promise<{ tenant: string; version: number }[]>
  /** One consistent picture of a tenant's enabled webhooks. */
  routingSnapshot(tenant: string): Promise<RoutingSnapshot>
}

export type RoutingSnapshot = { tenant: string; version: number; urls: Map<string, string[]> }

/* ---------- the routing table (Redis) ---------- */

export type Route = { version: number; urls: string[] }

export type RoutingTable = {
  /** One round trip: the version, then the set (in this order: a set newer than its version is only slow, not wrong).
   *  Undefined when no version is known. */
  lookup(tenant: string, eventName: string): Promise<Route | undefined>
  /** Applies a committed change if the table still holds `change.from`. @returns whether it did */
  apply(change: RoutingChange): Promise<boolean>
  /** The versions the table holds; undefined where it holds none. */
  versions(tenants: readonly string[]): Promise<(number | undefined)[]>
  /** Replaces a tenant's sets: version deleted first, set last; gives way to a newer rebuild. @returns whether it won */
  rebuild(snapshot: () => Promise<RoutingSnapshot>, tenant: string): Promise<boolean>
}

/* ---------- the kick (Redis, Lambda) ---------- */

/** Says that a drain was asked for and has not looked yet. It ends by itself after 30 s, should the drain never run. */
export type KickMark = {
  /** Sets it, unless another one stands. @param token unguessable; the same token again gets the same answer */
  set(token: string): Promise<boolean>
  /** Takes it back, if it is still this token's: the drain could not be asked for. */
  withdraw(token: string): Promise<void>
  /** For the drain, before its first fetch: what is enqueued from here on asks anew. */
  clear(): Promise<void>
}

/** Asks for a run of the drain and does not wait for it. Rejects when it was not asked for, or when `signal` ends it. */
export type InvokeDrain = (signal: AbortSignal) => Promise<void>

/* ---------- the delivery log (Postgres) ---------- */

export type AcceptInput = {
  messageId: string
  tenant: string
  eventName: string
  contentType: string
  payload: Uint8Array
  /** SHA-256 of the payload, for the comparison of repeated keys. Null without a key. */
  idempotency: { key: string; payloadHash: Uint8Array } | null
  /** What the routing table said. Believed only if its version is Postgres's own. */
  route: Route | undefined
  /** W3C trace context of the trigger, if any. */
  traceparent: string | null
  /** Only this webhook, whatever its event (a test event). */
  onlyWebhookId?: string | undefined
}

export type Accepted = {
  messageId: string
  eventName: string
  /** Deliveries made, in total. */
  matched: number
  /** The ids to enqueue; empty on a replayed key. */
  deliveryIds: string[]
  /** A repeated key: the first answer, nothing new. */
  replayed: boolean
  /** The key was used before with another event or payload: nothing was accepted. */
  conflict: boolean
  /** The route that came with it had Postgres's own version. */
  believed: boolean
}

export type Claim = {
  deliveryId: string
  token: string
  attemptNumber: number
  series: number
  /** Steps of the retry schedule that this series has used. */
  stepsUsed: number
  previousWasStale: boolean
  messageId: string
  tenant: string
  eventName: string
  contentType: string
  payload: Uint8Array
  createdAtMs: number
  webhookId: string
  webhookUrl: string
  headers: Record<string, string>
  /** Newest first, still sealed. */
  sealedSecrets: string[]
  timeoutMs: number
  /** Database time of the claim; `webhook-timestamp` is this plus what has passed since. */
  claimedAtMs: number
  leaseUntilMs: number
  traceparent: string | null
  health: ClaimHealth
}

/** What the health of a webhook means for one claim. */
export type ClaimHealth = {
  /** It is the one attempt that a breaker half opens for. */
  probe: boolean
  /** It was parked and then let go: when it ends, others follow. */
  released: boolean
  /** How often the breaker has opened since the last success. */
  opens: number
  /** How long the webhook has failed without one success; null: it is not known to fail. */
  failingForMs: number | null
}

/** Why a delivery may not be attempted now. Times are database times in ms. */
export type Refusal =
  | { kind: 'finished' }
  | { kind: 'gone' }
  | { kind: 'locked' }
  | { kind: 'leased'; untilMs: number; dbNowMs: number }
  | { kind: 'not_due'; atMs: number; dbNowMs: number }
  | { kind: 'parked'; reason: ParkReason }
  | ({ kind: 'needs_turn' } & NeedsTurn)

/** It may be attempted, but its webhook has a rate limit: claim it again with the turn that it was given. */
export type NeedsTurn = { deliveryId: string; webhookId: string; rateLimit: RateLimit }

export type ClaimOutcome = { kind: 'claimed'; claim: Claim } | Refusal

export type AttemptResult = {
  claim: Pick<Claim, 'deliveryId' | 'token' | 'attemptNumber' | 'series' | 'claimedAtMs'>
  outcome: SendOutcome
  durationMs: number
  plan: Plan
}

/** What the log made of a result. `fenced`: the lease was lost; a success was recorded all the same, a failure was not. */
export type Recorded = {
  status: DeliveryStatus
  fenced: boolean
  /** Set while the delivery is open and this result decided it. */
  nextAttemptAtMs: number | null
  /** Of the hand-over that this result decided on, where it plans a retry. */
  generation: number
  dbNowMs: number
  /** The webhook that this result disabled, for the routing table; null when it disabled none. */
  disabled: RoutingChange | null
  /** An operational event about a dead delivery was noted by the same commit: it can be published. */
  noted: boolean
}

export type DeliveryLog = {
  /** T2: message, deliveries and idempotency key in one statement, committed when this resolves.
   *  @throws BrokerError `log_unavailable`: not known to be accepted */
  accept(input: AcceptInput): Promise<Accepted>
  /** W2: compare-and-set, batched across callers, committed before this resolves. The same token gets the same claim.
   *  @param hasTurn the rate limit of its webhook lets it be sent now */
  claim(deliveryId: string, token: string, hasTurn?: boolean): Promise<ClaimOutcome>
  /** The direct dispatcher's claim: what is due, at most `tokens.length`.
   *  @param needsTurn told of those that must ask for their turn first */
  claimDue(tokens: readonly string[], needsTurn?: (delivery: NeedsTurn) => void): Promise<Claim[]>
  /** It waits for its turn: parked until then, without an attempt. Batched across callers. */
  postpone(deliveryId: string, delayMs: number): Promise<void>
  /** W7: fenced by token and attempt number, batched. Can be repeated after a lost connection. A plan that disables the
   *  webhook does so in the same commit, unless the lease was lost. */
  record(result: AttemptResult): Promise<Recorded>
  /** A hand-over after a refused claim: takes the next generation if `after` is still the newest of an open delivery.
   *  Undefined: a newer hand-over has been decided on, which will do, or the delivery has ended. */
  nextGeneration(deliveryId: string, after: number): Promise<number | undefined>
}

/** What one process may still take of a webhook. */
export type Admission = {
  webhookId: string
  /** Under way in this process. */
  inFlight: number
  room: number
  /** What happens to claims past the room: parked, or asked again in a moment. */
  parks: boolean
  slow: boolean
}

export type AdmissionView = {
  webhooks: Admission[]
  /** The room of a webhook that is not named. */
  otherwise: number
  /** What is left for the slow ones together. */
  slowRoom: number
}

/** What the claim asks, and tells, in the process that claims. */
export type Admissions = {
  /** @param claims how many are asked for at most; webhooks that have room for as many, and nothing under way, are not named */
  view(claims: number): AdmissionView
  claimed(webhookId: string, deliveryId: string): void
  /** A delivery was parked until attempts of its webhook end.
   *  @param began it is the first: whatever is under way for the webhook did not know that somebody would wait for it */
  parked(webhookId: string, began: boolean): void
}

/* ---------- the health of webhooks (Postgres) ---------- */

/** Row `webhook_health`: written when a webhook begins to fail, opens, closes, or has a backlog; never for a healthy one. */
export type HealthStore = {
  /** Opens the breaker, or keeps it open after its probe failed. The newest delivery that waits becomes the next probe.
   *  @param probeId the delivery that was the probe; undefined when the breaker was closed
   *  @returns what to hand over, with its delay; nothing when the next delivery to come up will be the probe */
  open(opening: {
    webhookId: string
    openForMs: number
    probeId: string | undefined
  }): Promise<{ opened: boolean; probe: (Ready & { delayMs: number }) | undefined }>
  /** The probe succeeded: closes the breaker and lets the first deliveries go. */
  close(webhookId: string, probeId: string, count: number): Promise<Ready[]>
  /** A delivery has ended: lets further ones go, as many as `limit` allows under way. Batched across callers.
   *  `drained`: nothing waits any more */
  release(ended: {
    webhookId: string
    count: number
    limit: number
    /** Nothing of it is under way: what was counted before is forgotten. */
    anew?: boolean
  }): Promise<{ ready: Ready[]; drained: boolean }>
  /** Notes since when it fails, unless that is known. */
  failing(webhookId: string): Promise<void>
  /** It has succeeded: it no longer counts as failing. */
  succeeded(webhookId: string): Promise<void>
}

/* ---------- operational events (Postgres) ---------- */

/** What was noted by the transactions that made it true, and is not yet a message. */
export type OperationalEventStore = {
  /** Those that nobody is publishing, oldest first, at most `limit`. Who takes them has half a minute; then they are
   *  anybody's again, unless they are published. */
  take(limit: number): Promise<NotedEvent[]>
  /** Their messages are accepted. */
  published(ids: readonly string[]): Promise<void>
}

/* ---------- reading the log ---------- */

export type AttemptView = {
  number: number
  series: number
  startedAt: Date
  finishedAt: Date | null
  durationMs: number | null
  outcome: 'succeeded' | 'failed' | 'unknown'
  code: OutcomeCode | null
  statusCode: number | null
  responseHeaders: Record<string, string> | null
  responseBody: Uint8Array | null
  detail: string | null
}

export type DeliveryView = {
  id: string
  messageId: string
  webhookId: string
  eventName: string
  webhookUrl: string
  status: DeliveryStatus
  inFlight: boolean
  attemptCount: number
  nextAttemptAt: Date | null
  waiting: Waiting | null
  createdAt: Date
  firstDeliveredAt: Date | null
  finishedAt: Date | null
  deadReason: DeadReason | null
}

export type DeliveryQuery = {
  tenant: string
  status?: DeliveryStatus | undefined
  eventName?: string | undefined
  webhookId?: string | undefined
  messageId?: string | undefined
  from?: Date | undefined
  to?: Date | undefined
  /** Only ids below this one: the list is newest first. */
  beforeId?: string | undefined
  pageSize: number
}

export type MessageView = {
  id: string
  eventName: string
  contentType: string
  payload: Uint8Array
  createdAt: Date
}

export type MessageQuery = {
  tenant: string
  eventName?: string | undefined
  from?: Date | undefined
  to?: Date | undefined
  /** Only ids below this one: the list is newest first. */
  beforeId?: string | undefined
  pageSize: number
}

/** A message in a list: without its payload, which may be 256 KiB. */
export type MessageSummary = {
  id: string
  eventName: string
  contentType: string
  /** Bytes of the payload. */
  size: number
  /** Deliveries made with it; 0 when it matched nobody. */
  matched: number
  createdAt: Date
}

export type LogReader = {
  messages(query: MessageQuery): Promise<{ messages: MessageSummary[]; nextId: string | null }>
  deliveries(query: DeliveryQuery): Promise<{ deliveries: DeliveryView[]; nextId: string | null }>
  delivery(
    tenant: string,
    id: string,
  ): Promise<(DeliveryView & { attempts: AttemptView[] }) | undefined>
  message(
    tenant: string,
    id: string,
  ): Promise<(MessageView & { deliveries: DeliveryView[] }) | undefined>
  /** Resolves when Postgres answers; rejects otherwise. */
  ping(): Promise<void>
}

/** One day (UTC) of one tenant. `matched` is what the messages say, the rest what the deliveries say. */
export type AuditDay = {
  day: string
  messages: number
  matched: number
  delivered: number
  dead: number
  cancelled: number
  open: number
}

export type AuditStore = {
  /** Oldest first; one snapshot, so a delivery that moves meanwhile is counted once. */
  days(tenant: string): Promise<AuditDay[]>
}

/** Some of the log, added up. Messages from `fromId` on and before `untilId`, and the deliveries that came of them. */
export type AuditPiece = {
  fromId: string
  untilId: string
  days: (AuditDay & { tenant: string })[]
  /** Whether the round goes on. */
  more: boolean
}

export type AuditRounds = {
  /** The next piece, about `limit` messages, of a round over everything newer than `oldestMs` (ms since 1970, by ids).
   *  @returns undefined when another sweep is at it, or the last round ended less than an hour ago */
  next(limit: number, oldestMs: number): Promise<AuditPiece | undefined>
}

/* ---------- figures over time (Postgres) ---------- */

export type StatsFilter = {
  tenant: string
  eventName?: string | undefined
  webhookId?: string | undefined
}

/** Counts of one webhook in one piece of time. */
export type WebhookCounts = { atMs: number; eventName: string; webhookId: string; counts: Counts }

/** What is open now, whatever the window. */
export type OpenNow = {
  count: number
  /** There are more; counting stopped. */
  capped: boolean
  /** When the delivery that has waited longest was due; null when none is. */
  oldestDueAt: Date | null
}

export type StatsStore = {
  /** Everything before `rolledUntilMs` is rolled up; later pieces are `live`. */
  progress(): Promise<{ rolledUntilMs: number; nowMs: number }>
  /** Sums per step, steps counted from 1970. Steps without anything are left out. */
  series(
    filter: StatsFilter,
    piece: StatsPiece,
    stepMs: number,
  ): Promise<{ atMs: number; counts: Counts }[]>
  /** Sums per webhook over the whole piece. */
  perWebhook(filter: StatsFilter, piece: StatsPiece): Promise<WebhookCounts[]>
  /** What is not rolled up, per minute and webhook, counted from the log itself. */
  live(filter: StatsFilter, piece: StatsPiece): Promise<WebhookCounts[]>
  openNow(filter: StatsFilter): Promise<OpenNow>
  webhookNames(
    tenant: string,
    ids: readonly string[],
  ): Promise<{ id: string; webhookUrl: string; status: WebhookStatus }[]>
  /** Rolls up the next piece, at most an hour. @returns whether there is more to do now */
  rollUp(): Promise<boolean>
}

/* ---------- the state of the whole broker (Postgres) ---------- */

/** What operators watch, over all tenants. */
export type BrokerState = {
  /** Open deliveries by what they wait for; `none`: for their time or a worker. */
  open: { waiting: ParkReason | 'none'; count: number }[]
  /** How long the most overdue delivery has been due; 0 when none is. */
  oldestDueAgeS: number
  /** Seconds since 1970; null before the first sweep. */
  lastSweepAtS: number | null
  statsRolledUntilS: number
  /** Webhooks by the state of their breaker, and those that are disabled. */
  webhooks: { state: 'healthy' | 'failing' | 'open' | 'ramping' | 'disabled'; count: number }[]
}

export type ReadBrokerState = () => Promise<BrokerState>

/* ---------- replay and cancel (Postgres) ---------- */

export type Replayed =
  { kind: 'replayed'; generation: number } | { kind: 'in_flight' } | { kind: 'not_found' }

export type ReplayStore = {
  /** Begins a new series, due now, unless an attempt is under way. */
  replay(tenant: string, id: string): Promise<Replayed>
  /** Refuses further claims. */
  cancel(tenant: string, id: string): Promise<'cancelled' | 'ended' | 'not_found'>
}

/** A replay of many: one row that says how far it is, so that any process may go on with it. */
export type Replay = {
  id: string
  filter: ReplayFilter
  status: 'running' | 'finished'
  /** What the filter matched when it was asked for. */
  total: number
  /** Deliveries that began a new series; with `missed`, deliveries that were made. */
  replayed: number
  /** Deliveries that were in flight, or whose webhook is removed: they stay as they are. */
  skipped: number
  createdAt: Date
  finishedAt: Date | null
}

export type ReplayStep =
  | { kind: 'batch'; replayId: string; deliveries: Ready[]; finished: boolean }
  /** No replay may take a batch now. `nextInMs`: when one may; null when none is running. */
  | { kind: 'idle'; nextInMs: number | null }

/** What a webhook missed while it was disabled. `capped`: counting stopped, there may be more. */
export type Missed = { messages: number; capped: boolean }

export type BulkReplayStore = {
  /** Looks at the newest `limit` messages that the webhook can have missed, and no further: it costs the same whatever
   *  the log holds. */
  missedNow(tenant: string, webhookId: string, limit: number): Promise<Missed>
  /** What a filter matches now. @returns undefined when `missed` names a webhook that is not there */
  count(tenant: string, filter: ReplayFilter): Promise<number | undefined>
  /** Fixes what belongs to it: what is accepted later does not. @returns undefined as `count` does */
  create(replay: { id: string; tenant: string; filter: ReplayFilter }): Promise<Replay | undefined>
  find(tenant: string, id: string): Promise<Replay | undefined>
  /** One batch of the running replay whose turn it is, in one transaction: the new series and the cursor. Two callers
   *  never work on one replay at the same time, and never take more than its rate. */
  step(limit: number): Promise<ReplayStep>
  /** Whether any replay is running. */
  running(): Promise<boolean>
}

/* ---------- the queue (BullMQ) ---------- */

export type Job = { deliveryId: string; delayMs: number }

export type DeliveryQueue = {
  /** Adds one job per delivery under the delivery's id, 1,000 a pipeline. An id that is already known is left as it is. */
  enqueue(jobs: readonly Job[]): Promise<void>
  /** Whether a job of this id exists, in order. */
  present(deliveryIds: readonly string[]): Promise<boolean[]>
  /** Removes whatever Redis holds under these ids (also a hash that is in no list), then adds them again.
   *  A job that a living worker holds (its lock exists) is left alone. */
  replace(jobs: readonly Job[]): Promise<void>
  /** Ids in the active list whose lock is gone: their worker died. */
  abandoned(): Promise<string[]>
  /** The id of the job that will be taken next, if any waits. Jobs are taken in the order of their adding. */
  oldestWaiting(): Promise<string | undefined>
  /** How many jobs wait to be taken; those with a delay are not counted. */
  waitingCount(): Promise<number>
  /** Wakes one idle worker. A worker that is frozen swallows the wake-up of a job, and the others rest for minutes. */
  wake(): Promise<void>
  /** The counter that tells an emptied or rolled-back Redis; undefined when it is missing. */
  incarnation(): Promise<number | undefined>
  /** Whether the counter is there, asked with one command that a Redis which takes no writes refuses: full, or only a
   *  replica, it still answers whoever reads, and yet takes no job and gives none away. */
  holdsIncarnation(): Promise<boolean>
  /** Sets the counter if it still holds `from` (undefined: it is missing). A plain maximum would hide a loss that
   *  happens between the reading and the raising. @returns whether it did */
  raiseIncarnation(from: number | undefined, to: number): Promise<boolean>
}

/** What a bounded run did: how many jobs it took, and why it took no more. */
export type Taken = {
  taken: number
  end: 'empty' | 'time' | 'log_unavailable' | 'queue_unavailable'
}

/** Jobs for a bounded run. Resolves when every attempt has ended and the queue knows. */
export type JobSource = {
  takeAll(run: {
    /** @throws BrokerError `log_unavailable`: the job is kept for later and the run ends */
    attempt(deliveryId: string): Promise<JobVerdict>
    mayTake(): boolean
  }): Promise<Taken>
}

/** What becomes of a job after its processor ran. `retry`: the delivery's next attempt; `later`: no attempt was made. */
export type JobVerdict =
  | { kind: 'done' }
  | { kind: 'retry'; delayMs: number; generation: number }
  | { kind: 'later'; delayMs: number }

/** A delivery that a statement has decided to hand over. `generation` counts these decisions, from 0: QStash remembers
 *  what it was given long after it is done with it, so each hand-over must be new to it. BullMQ needs no such thing. */
export type Ready = { deliveryId: string; generation: number }

/** Gives deliveries to whoever attempts them: the queue, QStash, or the dispatcher in this very process. */
export type HandOver = (deliveries: readonly (Ready & { delayMs: number })[]) => Promise<void>

/* ---------- rate limits (Redis) ---------- */

export type SharedTurns = {
  /** The next turn of a webhook, given out to all workers together, and how many workers ask for turns.
   *  @param claimed takes the next one however far away it is
   *  @throws BrokerError `queue_unavailable` */
  take(
    webhookId: string,
    limit: RateLimit,
    claimed: boolean,
  ): Promise<{ turn: Turn; workers: number }>
}

/* ---------- the sweep (Postgres) ---------- */

export type DueDelivery = {
  deliveryId: string
  /** What the selection found and did. */
  finding: 'unqueued' | 'expired_lease' | 'in_flight' | 'cancelled' | 'crash_budget' | 'parked'
  /** Milliseconds until it may be attempted; 0 when it may be now. */
  delayMs: number
  /** How often the sweep has asked for it since its last attempt, this time included. */
  probes: number
  /** Of the hand-over that follows, where one does (`unqueued`, `expired_lease`). */
  generation: number
}

export type SweepStore = {
  /** S1: takes open deliveries whose due time has passed, pushes their due time and commits, at most `limit`.
   *  An expired lease is written as an `unknown` attempt. */
  takeDue(limit: number): Promise<DueDelivery[]>
  /** Makes the next open deliveries due at once, after Redis was emptied; those accepted before the first call.
   *  @returns where to go on, or undefined at the end */
  makeDue(
    limit: number,
    after: string | undefined,
  ): Promise<{ next: string | undefined; count: number }>
  incarnation(): Promise<number>
  raiseIncarnation(to: number): Promise<void>
  /** Webhooks whose waiting deliveries nobody brings back (a worker died in between, a probe was cancelled): lets some
   *  of each go, of at most `limit` webhooks. */
  wakeWebhooks(limit: number): Promise<Ready[]>
  /** Removes finished messages past retention with their deliveries and attempts, at most `limit` messages.
   *  @param range.before an id of about the age of the retention: where the scan ends
   *  @param range.after where the batch before this one ended: what it removed is not walked over again
   *  @returns where to go on, or undefined at the end */
  prune(
    limit: number,
    range: { before: string; after: string | undefined },
  ): Promise<{ next: string | undefined; removed: number }>
  /** Removes what has an end of its own: expired idempotency keys, old replays, at most `limit` rows of each.
   *  @returns how many */
  pruneExpired(limit: number): Promise<number>
  /** Notes that a sweep finished, for /readyz and alerts. */
  finished(): Promise<void>
}

/* ---------- the sender (undici) ---------- */

export type SendRequest = {
  url: string
  headers: Record<string, string>
  body: Uint8Array
  /** From connect to the end of the response body. */
  timeoutMs: number
  /** Called right before the first byte is written; a false stops the attempt (the lease is gone: W4). */
  mayStillSend(): boolean
  /** Called when the request has been handed to the operating system (W5). */
  onWritten?(): void
}

export type Sender = {
  /** One POST. Never throws for anything that a receiver, a resolver or a network does. */
  send(request: SendRequest): Promise<SendOutcome>
}
