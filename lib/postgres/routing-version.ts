// The routing version: a number per tenant that rises with every change of an enabled (event, URL) pair, in the same
// transaction; and the pictures that the routing table is made from.

import { sql, type Kysely, type Selectable, type Transaction } from 'kysely'
import type { RoutingChange, RoutingSnapshot } from '../broker/ports.ts'
import type { Tables } from './schema.ts'

type Row = Selectable<Tables['webhooks']>

/** Raises the tenant's version; the row lock puts concurrent changes of one tenant in order. */
export const bumpVersion = async (
  tx: Transaction<Tables>,
  row: Pick<Row, 'tenant' | 'event_name' | 'url'>,
  op: RoutingChange['op'],
): Promise<RoutingChange> => {
  const { rows } = await sql<{ version: string }>`
    insert into tenants (id, routing_version) values (${row.tenant}, 1)
    on conflict (id) do update set routing_version = tenants.routing_version + 1
    returning routing_version as version`.execute(tx)
  const to = Number(rows[0]?.version)
  return {
    tenant: row.tenant,
    eventName: row.event_name,
    webhookUrl: row.url,
    op,
    from: to - 1,
    to,
  }
}

export const routingVersions = async (db: Kysely<Tables>) => {
  const rows = await db.selectFrom('tenants').selectAll().orderBy('id').execute()
  return rows.map((row) => ({ tenant: row.id, version: Number(row.routing_version) }))
}

export const routingSnapshot = async (
  db: Kysely<Tables>,
  tenant: string,
): Promise<RoutingSnapshot> => {
  // One statement, so version and sets belong to one moment.
  const { rows } = await sql<{ version: string; event_name: string | null; urls: string[] | null }>`
    select t.routing_version as version, w.event_name, array_agg(w.url) as urls
    from tenants t
    left join webhooks w on w.tenant = t.id and w.status = 'enabled' and w.deleted_at is null
    where t.id = ${tenant} group by t.routing_version, w.event_name`.execute(db)
  const urls = new Map<string, string[]>()
  for (const row of rows) if (row.event_name !== null) urls.set(row.event_name, row.urls ?? [])
  return { tenant, version: Number(rows[0]?.version ?? 0), urls }
}
