// T2, the statement behind a 202: idempotency key, message and one delivery per webhook, for many triggers at once.
// It decides whether the routing table may be believed; Redis never decides who gets an event.

import type { Accepted, AcceptInput } from '../broker/ports.ts'
import type { Database } from './database.ts'
import { acceptAlone, type AcceptedRow } from './accept-alone.ts'
import { asBuffer, deliveryId, interval } from './sql.ts'

const DELIVERY_ID = deliveryId('a.id', 'w.id')

/**
 * `believed`: the routing table's version is Postgres's own, so its URLs say which webhooks; joined to enabled webhooks,
 * so a stale extra URL creates nothing. Otherwise the webhooks of the event are what Postgres says they are. The
 * candidates are read by range and joined by hash: looking up 1,000 URLs one by one took 20 ms, this takes 2.
 *
 * `on conflict do update` (not `do nothing`) because a concurrent loser must see the winner's row: with `do nothing`
 * and a select it gets none (measured). An expired key is taken over in the same breath. A key is ours when its
 * message id is, which also holds when the statement is repeated.
 *
 * A message that is there already (the statement is repeated) gets no further deliveries, whatever was registered
 * meanwhile: its `matched` is what the audit holds them against.
 */
const ACCEPT = `
with asked as materialized (
  select a.*, coalesce(a.version = t.routing_version, false) as believed
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::bytea[],
    $8::bigint[], $9::text[], $10::text[])
  with ordinality as a(id, tenant, event_name, content_type, payload, key, hash, version, traceparent, only_webhook, n)
  left join tenants t on t.id = a.tenant
),
routed as materialized (
  select u.n, u.url from unnest($11::bigint[], $12::text[]) as u(n, url)
),
candidates as materialized (
  select a.n, a.id, a.believed, w.id as webhook_id, w.url, ${DELIVERY_ID} as delivery_id
  from asked a
  join webhooks w on w.tenant = a.tenant and w.event_name = a.event_name
  where w.deleted_at is null and w.status = 'enabled' and a.only_webhook is null
  union all
  select a.n, a.id, false, w.id, w.url, ${DELIVERY_ID}
  from asked a
  join webhooks w on w.id = a.only_webhook and w.tenant = a.tenant
  where w.deleted_at is null
),
matched as materialized (
  select n, webhook_id, delivery_id from candidates where not believed
  union all
  select c.n, c.webhook_id, c.delivery_id
  from candidates c join routed r on r.n = c.n and r.url = c.url
  where c.believed
),
counted as materialized (
  select a.n, count(m.webhook_id)::int as matched, array_agg(m.delivery_id) filter (where m.n is not null) as ids
  from asked a left join matched m on m.n = a.n group by a.n
),
keyed as (
  insert into idempotency_keys as k (tenant, key, message_id, event_name, payload_hash, matched, expires_at)
  select a.tenant, a.key, a.id, a.event_name, a.hash, c.matched, now() + interval '24 hours'
  from asked a join counted c on c.n = a.n
  where a.key is not null
  order by a.tenant, a.key
  on conflict (tenant, key) do update set
    message_id = case when k.expires_at <= now() then excluded.message_id else k.message_id end,
    event_name = case when k.expires_at <= now() then excluded.event_name else k.event_name end,
    payload_hash = case when k.expires_at <= now() then excluded.payload_hash else k.payload_hash end,
    matched = case when k.expires_at <= now() then excluded.matched else k.matched end,
    expires_at = case when k.expires_at <= now() then excluded.expires_at else k.expires_at end
  returning tenant, key, message_id, event_name, payload_hash, matched
),
fresh as materialized (
  select a.*, c.matched
  from asked a
  join counted c on c.n = a.n
  left join keyed k on k.tenant = a.tenant and k.key = a.key
  where a.key is null or k.message_id = a.id
),
written as (
  insert into messages (id, tenant, event_name, content_type, payload, matched, traceparent, created_at)
  select id, tenant, event_name, content_type, payload, matched, traceparent, now() from fresh order by id
  on conflict (id) do nothing
  returning id
),
made as (
  insert into deliveries (id, tenant, message_id, webhook_id, event_name, next_attempt_at, due_at, created_at)
  select m.delivery_id, f.tenant, f.id, m.webhook_id, f.event_name,
    now(), now() + ${interval('$13::float8')}, now()
  from written w join fresh f on f.id = w.id join matched m on m.n = f.n
  order by m.delivery_id
  on conflict (id) do nothing
)
select
  coalesce(k.message_id, a.id) as message_id,
  coalesce(k.matched, c.matched) as matched,
  (a.key is not null and k.message_id <> a.id) as replayed,
  (a.key is not null and (k.event_name <> a.event_name or k.payload_hash <> a.hash)) as conflict,
  (w.id is null and (a.key is null or k.message_id = a.id)) as known,
  a.believed,
  c.ids
from asked a
join counted c on c.n = a.n
left join keyed k on k.tenant = a.tenant and k.key = a.key
left join written w on w.id = a.id
order by a.n`

const KNOWN = `
select m.matched, array_agg(d.id) filter (where d.id is not null) as ids
from messages m
left join deliveries d on d.message_id = m.id
  and d.id >= 'dlv_' || substr(m.id, 5, 10) and d.id < 'dlv_' || substr(m.id, 5, 10) || '~'
where m.id = $1::text group by m.id`

// A kept plan is made for a few URLs; for a thousand it would compare each with each.
const KEPT_UP_TO_URLS = 200

/**
 * Accepts a batch of triggers in one statement, or one that came alone in a smaller one. No two of them share an
 * idempotency key of one tenant.
 *
 * @param graceMs how long a delivery may sit before the sweep asks for it
 * @returns one answer per trigger, in order
 */
export const acceptBatch = async (
  database: Database,
  inputs: readonly AcceptInput[],
  graceMs: number,
): Promise<Accepted[]> => {
  const rows =
    (await acceptAlone(database, inputs, graceMs)) ?? (await acceptMany(database, inputs, graceMs))
  return Promise.all(inputs.map((input, index) => toAccepted(database, input, rows[index])))
}

const acceptMany = (
  database: Database,
  inputs: readonly AcceptInput[],
  graceMs: number,
): Promise<AcceptedRow[]> => {
  const owners: number[] = []
  const urls: string[] = []
  inputs.forEach(({ route }, index) => {
    for (const url of route?.urls ?? []) {
      owners.push(index + 1)
      urls.push(url)
    }
  })
  return database.query<AcceptedRow>(
    ACCEPT,
    [
      inputs.map((i) => i.messageId),
      inputs.map((i) => i.tenant),
      inputs.map((i) => i.eventName),
      inputs.map((i) => i.contentType),
      inputs.map((i) => asBuffer(i.payload)),
      inputs.map((i) => i.idempotency?.key ?? null),
      inputs.map((i) => (i.idempotency === null ? null : asBuffer(i.idempotency.payloadHash))),
      inputs.map(believableVersion),
      inputs.map((i) => i.traceparent),
      inputs.map((i) => i.onlyWebhookId ?? null),
      owners,
      urls,
      graceMs,
    ],
    urls.length > KEPT_UP_TO_URLS ? 'fresh' : 'kept',
  )
}

// An empty set is never believed: a wiped set looks just like an event without webhooks.
const believableVersion = ({ route }: AcceptInput): number | null =>
  route === undefined || route.urls.length === 0 ? null : route.version

const toAccepted = async (
  database: Database,
  input: AcceptInput,
  row: AcceptedRow | undefined,
): Promise<Accepted> => {
  if (row === undefined) throw new TypeError('the accept statement answered too few rows')
  const { matched, ids } = row.known ? await firstAnswer(database, row) : row
  return {
    messageId: row.message_id,
    eventName: input.eventName,
    matched,
    deliveryIds: row.replayed ? [] : (ids ?? []),
    replayed: row.replayed,
    conflict: row.conflict,
    believed: row.believed,
  }
}

// The webhooks may have changed since the first run, which alone counts.
const firstAnswer = async (
  database: Database,
  row: AcceptedRow,
): Promise<Pick<AcceptedRow, 'matched' | 'ids'>> => {
  const [known] = await database.query<Pick<AcceptedRow, 'matched' | 'ids'>>(KNOWN, [
    row.message_id,
  ])
  return known ?? row
}
