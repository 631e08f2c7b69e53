// The tables as Kysely sees them; migrations/ is what makes them. Columns are documented there.

import type { ColumnType, Generated } from 'kysely'
import type { OutcomeCode } from '../domain/attempt.ts'
import type { DeadReason, DeliveryStatus, ParkReason } from '../domain/delivery.ts'
import type { OperationalEvent } from '../domain/operational-event.ts'
import type { StoredReplayFilter } from '../domain/replay-filter.ts'
import type { DisabledReason, RateLimit, WebhookStatus } from '../domain/webhook.ts'

type Time = ColumnType<Date, Date | undefined, Date>
// bigint comes back as text from the driver
type BigInteger = ColumnType<string, number | undefined, number>
type Json<T> = ColumnType<T, string, string>

export type Tables = {
  tenants: { id: string; routing_version: BigInteger }
  webhooks: {
    id: string
    tenant: string
    event_name: string
    url: string
    status: ColumnType<WebhookStatus, WebhookStatus | undefined, WebhookStatus>
    disabled_reason: DisabledReason | null
    description: string | null
    headers: Json<Record<string, string>>
    timeout_ms: number | null
    rate_limit: ColumnType<RateLimit | null, string | null, string | null>
    max_in_flight: number | null
    secret: string
    previous_secret: string | null
    previous_secret_until: Date | null
    created_at: Time
    updated_at: Time
    deleted_at: Date | null
  }
  messages: {
    id: string
    tenant: string
    event_name: string
    content_type: string
    payload: Buffer
    matched: number
    traceparent: string | null
    created_at: Time
  }
  idempotency_keys: {
    tenant: string
    key: string
    message_id: string
    event_name: string
    payload_hash: Buffer
    matched: number
    expires_at: Time
  }
  deliveries: {
    id: string
    tenant: string
    message_id: string
    webhook_id: string
    event_name: string
    status: Generated<DeliveryStatus>
    parked: ParkReason | null
    dead_reason: DeadReason | null
    series: Generated<number>
    attempt_count: Generated<number>
    steps_used: Generated<number>
    crash_count: Generated<number>
    probes: Generated<number>
    generation: Generated<number>
    last_stale: Generated<boolean>
    released: Generated<boolean>
    claim_token: string | null
    claimed_at: Date | null
    lease_until: Date | null
    next_attempt_at: Time
    due_at: Time
    created_at: Time
    first_delivered_at: Date | null
    finished_at: Date | null
  }
  attempts: {
    delivery_id: string
    number: number
    series: number
    started_at: Time
    finished_at: Date | null
    duration_ms: number | null
    outcome: 'succeeded' | 'failed' | 'unknown'
    code: OutcomeCode | null
    status_code: number | null
    response_headers: ColumnType<Record<string, string> | null, string | null, string | null>
    response_body: Buffer | null
    detail: string | null
  }
  stats_buckets: {
    step: number
    at: Time
    tenant: string
    event_name: string
    webhook_id: string
    accepted: number
    succeeded: number
    failed: number
    dead: number
    latency: number[]
  }
  stats_progress: { id: number; rolled_until: Time }
  audit_progress: { id: number; cursor: string | null; next_at: Time }
  webhook_health: {
    webhook_id: string
    state: 'closed' | 'open' | 'ramping'
    open_until: Date | null
    opens: Generated<number>
    probe_id: string | null
    failing_since: Date | null
    released: Generated<number>
    changed_at: Time
  }
  replays: {
    id: string
    tenant: string
    filter: Json<StoredReplayFilter>
    status: ColumnType<'running' | 'finished', 'running' | undefined, 'running' | 'finished'>
    cursor: string
    until_id: string
    total: number
    replayed: Generated<number>
    skipped: Generated<number>
    next_batch_at: Time
    created_at: Time
    finished_at: Date | null
  }
  operational_events: {
    id: Generated<string>
    tenant: string
    event_name: string
    data: Json<OperationalEvent['data']>
    created_at: Time
    next_at: Time
  }
  webhook_pauses: { webhook_id: string; began_at: Time; ended_at: Date | null }
  broker_state: { id: number; incarnation: BigInteger; last_sweep_at: Date | null }
}
