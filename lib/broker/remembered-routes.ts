// Where events go, as one process has learnt it: triggers of one moment ask Redis together, and what it said serves those
// of the next second, so that most triggers wait for no Redis before they are accepted. However old an answer is, it is
// never wrong: the accept statement compares its version with Postgres's own, and decides by itself where they differ.

import type { Clock, Route, RoutingTable } from './ports.ts'

export type RememberedRoutes = Pick<RoutingTable, 'lookup'> & {
  /** What is known without asking. */
  recall(tenant: string, eventName: string): Route | undefined
  /** Postgres knew better: the next trigger asks anew, instead of being slow for the rest of the second. */
  forget(tenant: string, eventName: string): void
}

const REMEMBERED_MS = 1_000
// Some megabytes at most. Beyond it everything is forgotten: a second later it would be, anyway.
const MAX_URLS = 10_000

/**
 * Remembers what the routing table says. A version that is not known and an event without URLs are not remembered: Postgres
 * never believes those, and a set that was emptied looks the same until the sweep has made it again.
 */
export const rememberRoutes = (
  routing: Pick<RoutingTable, 'lookup'>,
  clock: Pick<Clock, 'elapsedMs'>,
): RememberedRoutes => {
  const underWay = new Map<string, Promise<Route | undefined>>()
  const known = new Map<string, { route: Route; untilMs: number }>()
  let urls = 0

  const remember = (key: string, route: Route | undefined) => {
    const size = route?.urls.length ?? 0
    if (route === undefined || size === 0 || size > MAX_URLS) return
    forgetKey(key)
    if (urls + size > MAX_URLS) {
      known.clear()
      urls = 0
    }
    known.set(key, { route, untilMs: clock.elapsedMs() + REMEMBERED_MS })
    urls += size
  }
  const forgetKey = (key: string) => {
    urls -= known.get(key)?.route.urls.length ?? 0
    known.delete(key)
  }

  return {
    recall: (tenant, eventName) => {
      const entry = known.get(keyOf(tenant, eventName))
      return entry === undefined || entry.untilMs <= clock.elapsedMs() ? undefined : entry.route
    },
    lookup: (tenant, eventName) => {
      const key = keyOf(tenant, eventName)
      const shared = underWay.get(key)
      if (shared !== undefined) return shared
      const asked = routing
        .lookup(tenant, eventName)
        .then((route) => {
          remember(key, route)
          return route
        })
        .finally(() => underWay.delete(key))
      underWay.set(key, asked)
      return asked
    },
    forget: (tenant, eventName) => forgetKey(keyOf(tenant, eventName)),
  }
}

// Neither holds a line feed.
const keyOf = (tenant: string, eventName: string) => `${tenant}\n${eventName}`
