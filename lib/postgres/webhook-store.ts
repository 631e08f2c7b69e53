// Webhooks and the routing version. Every change of an enabled (event, URL) pair raises the tenant's version in the
// same transaction; the routing table in Redis is told after the commit, by the use case.

import { sql, type Kysely, type Selectable, type Transaction } from 'kysely'
import type { NewWebhook, WebhookKey, WebhookQuery, WebhookStore } from '../broker/ports.ts'
import type { DisabledReason, Webhook, WebhookChange } from '../domain/webhook.ts'
import { translated, type Database } from './database.ts'
import { bumpVersion, routingSnapshot, routingVersions } from './routing-version.ts'
import type { Tables } from './schema.ts'

type Row = Selectable<Tables['webhooks']>
type Tx = Transaction<Tables>

/** Builds the store over a database. */
export const makeWebhookStore = ({ kysely }: Database): WebhookStore => {
  const inTransaction = <T>(run: (tx: Tx) => Promise<T>) =>
    translated(() => kysely.transaction().execute(run))
  return {
    register: (webhook) => inTransaction((tx) => register(tx, webhook)),
    list: (query) => translated(() => list(kysely, query)),
    find: (key) =>
      translated(async () => toWebhookOrNot(await living(kysely, key).executeTakeFirst())),
    change: (key, change) => inTransaction((tx) => changeWebhook(tx, key, change)),
    remove: (key) => inTransaction((tx) => remove(tx, key)),
    rotateSecret: (key, sealedSecret, overlapMs) =>
      translated(() => rotateSecret(kysely, { key, sealedSecret, overlapMs })),
    disable: (webhookId, reason) => inTransaction((tx) => disable(tx, webhookId, reason)),
    releaseParked: (webhookId, limit) => translated(() => releaseParked(kysely, webhookId, limit)),
    routingVersions: () => translated(() => routingVersions(kysely)),
    routingSnapshot: (tenant) => translated(() => routingSnapshot(kysely, tenant)),
  }
}

const living = (db: Kysely<Tables>, { tenant, eventName, id }: WebhookKey) =>
  db
    .selectFrom('webhooks')
    .selectAll()
    .where('id', '=', id)
    .where('tenant', '=', tenant)
    .where('event_name', '=', eventName)
    .where('deleted_at', 'is', null)

const register = async (tx: Tx, webhook: NewWebhook): ReturnType<WebhookStore['register']> => {
  const inserted = await tx
    .insertInto('webhooks')
    .values({
      id: webhook.id,
      tenant: webhook.tenant,
      event_name: webhook.eventName,
      url: webhook.webhookUrl,
      description: webhook.description,
      headers: JSON.stringify(webhook.headers),
      timeout_ms: webhook.timeoutMs,
      rate_limit: webhook.rateLimit === null ? null : JSON.stringify(webhook.rateLimit),
      max_in_flight: webhook.maxInFlight,
      secret: webhook.sealedSecret,
    })
    .onConflict((conflict) =>
      conflict.columns(['tenant', 'event_name', 'url']).where('deleted_at', 'is', null).doNothing(),
    )
    .returningAll()
    .executeTakeFirst()
  if (inserted !== undefined) {
    return {
      webhook: toWebhook(inserted),
      created: true,
      change: await bumpVersion(tx, inserted, 'add'),
    }
  }
  // The other one is committed: "do nothing" waited for it, and this statement has a newer snapshot.
  const existing = await tx
    .selectFrom('webhooks')
    .selectAll()
    .where('tenant', '=', webhook.tenant)
    .where('event_name', '=', webhook.eventName)
    .where('url', '=', webhook.webhookUrl)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  // Removed in between: the caller's next request makes a new one.
  return existing === undefined
    ? register(tx, webhook)
    : { webhook: toWebhook(existing), created: false, change: null }
}

const list = async (db: Kysely<Tables>, query: WebhookQuery) => {
  const base = () => {
    const ofTenant = db
      .selectFrom('webhooks')
      .where('tenant', '=', query.tenant)
      .where('deleted_at', 'is', null)
    return query.eventName === undefined
      ? ofTenant
      : ofTenant.where('event_name', '=', query.eventName)
  }
  // One row more than the page tells whether there is a next one.
  const page = base()
    .selectAll()
    // The cursor's time as text keeps the microseconds that a Date would lose.
    .select(sql<string>`created_at::text`.as('created_text'))
    .orderBy('created_at')
    .orderBy('id')
    .limit(query.pageSize + 1)
  const { cursor } = query
  const rows = await (
    cursor === undefined
      ? page.offset(query.offset)
      : page.where(
          sql<boolean>`(created_at, id) > (${cursor.createdAt}::timestamptz, ${cursor.id})`,
        )
  ).execute()
  const { total } = await base()
    .select(sql<number>`count(*)::int`.as('total'))
    .executeTakeFirstOrThrow()
  const shown = rows.slice(0, query.pageSize)
  const last = rows.length > query.pageSize ? shown.at(-1) : undefined
  return {
    webhooks: shown.map(toWebhook),
    total,
    nextCursor: last === undefined ? null : { createdAt: last.created_text, id: last.id },
  }
}

const changeWebhook = async (
  tx: Tx,
  key: WebhookKey,
  change: WebhookChange & { disabledReason?: DisabledReason | null },
) => {
  const before = await living(tx, key).forUpdate().executeTakeFirst()
  if (before === undefined) return undefined
  const after = await tx
    .updateTable('webhooks')
    .set({
      updated_at: sql`now()`,
      ...(change.status === undefined ? {} : { status: change.status }),
      ...(change.disabledReason === undefined ? {} : { disabled_reason: change.disabledReason }),
      ...(change.description === undefined ? {} : { description: change.description }),
      ...(change.headers === undefined ? {} : { headers: JSON.stringify(change.headers) }),
      ...(change.timeoutMs === undefined ? {} : { timeout_ms: change.timeoutMs }),
      ...(change.rateLimit === undefined
        ? {}
        : { rate_limit: change.rateLimit === null ? null : JSON.stringify(change.rateLimit) }),
      ...(change.maxInFlight === undefined ? {} : { max_in_flight: change.maxInFlight }),
    })
    .where('id', '=', key.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  const routing =
    before.status === after.status
      ? null
      : await bumpVersion(tx, after, after.status === 'enabled' ? 'add' : 'remove')
  // Its days of failure are over with it: else the next failure would disable it again.
  if (routing?.op === 'add')
    await tx
      .updateTable('webhook_health')
      .set({ failing_since: null })
      .where('webhook_id', '=', key.id)
      .execute()
  return { webhook: toWebhook(after), change: routing }
}

const remove = async (tx: Tx, key: WebhookKey) => {
  const before = await living(tx, key).forUpdate().executeTakeFirst()
  if (before === undefined) return undefined
  await tx
    .updateTable('webhooks')
    .set({ deleted_at: sql`now()`, updated_at: sql`now()` })
    .where('id', '=', key.id)
    .execute()
  await cancelOpen(tx, key.id)
  return { change: before.status === 'enabled' ? await bumpVersion(tx, before, 'remove') : null }
}

const CANCELLED_AT_ONCE = 1_000

/** What waits is cancelled with the webhook; what is on the wire ends, and the rest is cancelled when it comes up. */
const cancelOpen = async (tx: Tx, webhookId: string) => {
  await sql`
    with waiting as materialized (
      select id from deliveries
      where webhook_id = ${webhookId} and finished_at is null and lease_until is null
      order by id limit ${CANCELLED_AT_ONCE} for update skip locked
    )
    update deliveries d set status = 'cancelled', finished_at = now(), parked = null
    from waiting where d.id = waiting.id`.execute(tx)
}

const rotateSecret = async (
  db: Kysely<Tables>,
  { key, sealedSecret, overlapMs }: { key: WebhookKey; sealedSecret: string; overlapMs: number },
) => {
  const row = await db
    .updateTable('webhooks')
    .set({
      previous_secret: sql.ref('secret'),
      previous_secret_until: sql`now() + ${overlapMs}::float8 * interval '1 millisecond'`,
      secret: sealedSecret,
      updated_at: sql`now()`,
    })
    .where('id', '=', key.id)
    .where('tenant', '=', key.tenant)
    .where('event_name', '=', key.eventName)
    .where('deleted_at', 'is', null)
    .returningAll()
    .executeTakeFirst()
  return toWebhookOrNot(row)
}

const disable = async (tx: Tx, webhookId: string, reason: DisabledReason) => {
  const row = await tx
    .updateTable('webhooks')
    .set({ status: 'disabled', disabled_reason: reason, updated_at: sql`now()` })
    .where('id', '=', webhookId)
    .where('status', '=', 'enabled')
    .where('deleted_at', 'is', null)
    .returningAll()
    .executeTakeFirst()
  return row === undefined ? null : bumpVersion(tx, row, 'remove')
}

const releaseParked = async (db: Kysely<Tables>, webhookId: string, limit: number) => {
  const { rows } = await sql<{ id: string; generation: number }>`
    with parked as materialized (
      select id from deliveries
      where webhook_id = ${webhookId} and parked is not null and finished_at is null
      order by id limit ${limit} for update skip locked
    ),
    well as (
      update webhook_health set state = 'closed', open_until = null, opens = 0, probe_id = null, failing_since = null,
        released = 0, changed_at = now()
      where webhook_id = ${webhookId}
    )
    update deliveries d set parked = null, next_attempt_at = now(), due_at = now(),
      generation = d.generation + 1
    from parked where d.id = parked.id returning d.id, d.generation`.execute(db)
  return rows.map(({ id, generation }) => ({ deliveryId: id, generation }))
}

const toWebhookOrNot = (row: Row | undefined) => (row === undefined ? undefined : toWebhook(row))

const toWebhook = (row: Row): Webhook => ({
  id: row.id,
  tenant: row.tenant,
  eventName: row.event_name,
  webhookUrl: row.url,
  status: row.status,
  disabledReason: row.disabled_reason,
  description: row.description,
  headers: row.headers,
  timeoutMs: row.timeout_ms,
  rateLimit: row.rate_limit,
  maxInFlight: row.max_in_flight,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})
