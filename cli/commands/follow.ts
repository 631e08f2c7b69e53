// `webhook-broker deliveries --follow`: looks again and again, and prints each delivery that is new or has changed.

import { setTimeout as wait } from 'node:timers/promises'
import { EXIT, failureOf } from '../exit.ts'
import { unwrap, type Context } from '../kit.ts'
import { clean } from '../output.ts'
import { paintStatus, waitingOf, type Delivery } from '../present.ts'
import type { filterOf } from './filter.ts'

type Follow = { filter: ReturnType<typeof filterOf>; first: number; intervalMs: number }

type Bounds = { limit: number } | { until: string }

/** What is open is looked for this far back; a delivery that is older is no longer followed. */
const MAX_PAGES = 10
const PAGE_SIZE = 200

export const followDeliveries = async (context: Context, follow: Follow): Promise<void> => {
  const stopping = context.stopSignal()
  const look = (bounds: Bounds) => newest(context, { ...follow, stopping }, bounds)
  const seen = new Map<string, { state: string; isOpen: boolean }>()
  let current = await look({ limit: follow.first })
  for (;;) {
    // Oldest first, as they happened.
    for (const delivery of current.reverse()) {
      const state = [delivery.status, delivery.attemptCount, delivery.inFlight].join()
      if (seen.get(delivery.id)?.state === state) continue
      seen.set(delivery.id, { state, isOpen: isOpen(delivery) })
      print(context, delivery)
    }
    await wait(follow.intervalMs, undefined, { signal: stopping }).catch(() => undefined)
    if (stopping.aborted) return
    current = await look({ until: oldestOfInterest(seen) }).catch((error: unknown) => {
      const failure = failureOf(error, context.baseUrl)
      // A broker that restarts is no reason to stop looking.
      if (failure.exit !== EXIT.unreachable) throw error
      context.out.note(`webhook-broker: ${failure.message}; still looking`)
      return []
    })
    forget(seen, current)
  }
}

const isOpen = ({ status }: Delivery): boolean => status === 'pending' || status === 'retrying'

/** Ids sort by time: as far back as the oldest open one, or else the newest that is known. */
const oldestOfInterest = (seen: ReadonlyMap<string, { isOpen: boolean }>): string => {
  const ids = [...seen.keys()].sort()
  return ids.find((id) => seen.get(id)?.isOpen) ?? ids.at(-1) ?? ''
}

/** What has ended and lies behind what is looked at needs no memory. */
const forget = (seen: Map<string, unknown>, current: readonly Delivery[]): void => {
  const oldest = current.at(-1)?.id
  for (const id of seen.keys()) if (oldest !== undefined && id < oldest) seen.delete(id)
}

/** Newest first: so many, or all down to an id. */
const newest = async (
  { client }: Context,
  { filter, stopping }: Pick<Follow, 'filter'> & { stopping: AbortSignal },
  bounds: Bounds,
): Promise<Delivery[]> => {
  const found: Delivery[] = []
  let cursor: string | null = null
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const query = {
      ...filter,
      page_size: 'limit' in bounds ? bounds.limit : PAGE_SIZE,
      ...(cursor === null ? {} : { cursor }),
    }
    const answer = await client
      .GET('/api/v0/deliveries', { params: { query }, signal: stopping })
      .catch((error: unknown) => {
        if (stopping.aborted) return undefined
        throw error
      })
    if (answer === undefined) return found
    const page: { deliveries: Delivery[]; nextCursor: string | null } = unwrap(answer)
    if ('limit' in bounds) return page.deliveries
    const within = page.deliveries.filter(({ id }) => id >= bounds.until)
    found.push(...within)
    cursor = page.nextCursor
    if (cursor === null || within.length < page.deliveries.length) return found
  }
  return found
}

const print = ({ out }: Context, delivery: Delivery): void => {
  if (out.json) {
    out.value(delivery, 'one of many')
    return
  }
  const { id, eventName, status, inFlight, attemptCount, webhookUrl } = delivery
  const shown = paintStatus(out.style, status) + (inFlight ? ' (in flight)' : '')
  const waiting = waitingOf(delivery)
  const attempts = `attempts ${attemptCount}${waiting === '' ? '' : `, ${waiting}`}`
  out.line(`${id}  ${shown}  ${eventName} -> ${clean(webhookUrl)}  ${attempts}`)
}
