// The routing table: event name -> URLs, with the version of Postgres that the sets belong to. It only makes triggers
// fast: whoever reads it compares the version with Postgres's own, so a lost or stale table costs time, not events.

import { BrokerError } from '../domain/errors.ts'
import type { Route, RoutingSnapshot, RoutingTable } from '../broker/ports.ts'
import type { RedisCommand, SendCommands } from './commands.ts'
import type { RoutingKeys } from './keys.ts'
import { APPLY, BEGIN_REBUILD, END_REBUILD, REPLACE_SET } from './scripts.ts'

const VERSIONS_PER_ROUND_TRIP = 500
const URLS_PER_ROUND_TRIP = 1_000
// A rebuild that was killed must not block the first change of a tenant for ever; a living one takes milliseconds.
const REBUILD_TTL_MS = 60_000

/**
 * Builds the table. Every method throws BrokerError `queue_unavailable` when Redis does not answer.
 *
 * @param makeToken a fresh random text for each rebuild
 */
export const makeRoutingTable = (
  send: SendCommands,
  keys: RoutingKeys,
  makeToken: () => string,
): RoutingTable => {
  return {
    lookup: async (tenant, eventName) => {
      // The version first: a set that is newer than its version is refused by Postgres, an older one would be believed.
      const [version, urls] = await send([
        { kind: 'get', key: keys.version(tenant) },
        { kind: 'members', key: keys.event(tenant, eventName) },
      ])
      return toRoute(version, urls)
    },
    apply: async ({ tenant, eventName, webhookUrl, op, from, to }) => {
      const [applied] = await send([
        {
          kind: 'script',
          script: APPLY,
          keys: [keys.version(tenant), keys.event(tenant, eventName), keys.rebuild(tenant)],
          args: [String(from), String(to), op, webhookUrl],
        },
      ])
      return applied === 1
    },
    versions: async (tenants) => {
      const held: (number | undefined)[] = []
      for (let first = 0; first < tenants.length; first += VERSIONS_PER_ROUND_TRIP) {
        const chunk = tenants.slice(first, first + VERSIONS_PER_ROUND_TRIP)
        const replies = await send(
          chunk.map((tenant) => ({ kind: 'get', key: keys.version(tenant) })),
        )
        held.push(...replies.map(toVersion))
      }
      return held
    },
    rebuild: async (snapshot, tenant) => {
      const ours = makeToken()
      await send([beginRebuild(keys, tenant, ours)])
      // Only now: what is committed from here on is either in the snapshot or finds no version to apply itself to.
      const picture = await snapshot()
      for (const batch of batches(keys, picture, { tenant, token: ours })) {
        const written = await send(batch)
        if (written.some((reply) => reply !== 1)) return false
      }
      const [won] = await send([endRebuild(keys, picture, { tenant, token: ours })])
      return won === 1
    },
  }
}

const toVersion = (reply: unknown): number | undefined => {
  if (reply === null || reply === undefined) return undefined
  const version = Number(reply)
  // Whatever else wrote this key, it is no version of ours: SQL serves.
  return Number.isSafeInteger(version) ? version : undefined
}

const toRoute = (version: unknown, urls: unknown): Route | undefined => {
  const known = toVersion(version)
  if (known === undefined) return undefined
  if (!Array.isArray(urls)) {
    throw new BrokerError('queue_unavailable', 'Redis answered a set with something else')
  }
  return { version: known, urls: urls.map(String) }
}

type Rebuild = { tenant: string; token: string }

const beginRebuild = (keys: RoutingKeys, tenant: string, token: string): RedisCommand => ({
  kind: 'script',
  script: BEGIN_REBUILD,
  keys: [keys.version(tenant), keys.rebuild(tenant)],
  args: [token, String(REBUILD_TTL_MS)],
})

const endRebuild = (
  keys: RoutingKeys,
  { version }: RoutingSnapshot,
  { tenant, token }: Rebuild,
): RedisCommand => ({
  kind: 'script',
  script: END_REBUILD,
  keys: [keys.version(tenant), keys.rebuild(tenant)],
  args: [token, String(version)],
})

/** One script per event, as many events in a round trip as hold about a thousand URLs together. Sets of events that
 *  have no webhook any more are left behind: a URL that Postgres does not know creates no delivery. */
const batches = function* (
  keys: RoutingKeys,
  { urls }: RoutingSnapshot,
  { tenant, token }: Rebuild,
): Generator<RedisCommand[]> {
  let batch: RedisCommand[] = []
  let size = 0
  for (const [eventName, set] of urls) {
    batch.push({
      kind: 'script',
      script: REPLACE_SET,
      keys: [keys.rebuild(tenant), keys.event(tenant, eventName)],
      args: [token, ...set],
    })
    size += 1 + set.length
    if (size >= URLS_PER_ROUND_TRIP) {
      yield batch
      batch = []
      size = 0
    }
  }
  if (batch.length > 0) yield batch
}
