// Every key of the routing table, and that of the kick. The braces are literal: a cluster hash tag that keeps a tenant's keys on one node, so
// that one script can touch them. Event names and tenants hold no colon, so no two keys can meet (O-NAME-2).

export type RoutingKeys = {
  /** The set of URLs of an event's enabled webhooks. */
  event(tenant: string, eventName: string): string
  /** The routing version of Postgres that the tenant's sets were made from; missing while they are not to be believed. */
  version(tenant: string): string
  /** Whose rebuild is under way. */
  rebuild(tenant: string): string
}

/** @param prefix BROKER_KEY_PREFIX */
export const makeRoutingKeys = (prefix: string): RoutingKeys => ({
  event: (tenant, eventName) => `${prefix}:{${tenant}}:event:${eventName}`,
  version: (tenant) => `${prefix}:{${tenant}}:version`,
  rebuild: (tenant) => `${prefix}:{${tenant}}:rebuild`,
})

/** The mark of the kick; it belongs to no tenant. @param prefix BROKER_KEY_PREFIX */
export const kickKey = (prefix: string): string => `${prefix}:kick`
