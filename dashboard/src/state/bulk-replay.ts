// Replays many deliveries, one request each. They are counted first, and what is counted is what is replayed: a delivery
// that is accepted meanwhile, or that moves to another status, changes nothing about the list.

import { listDeliveries, replayDelivery, type DeliveryFilter } from '../api/broker.ts'
import { statusOf } from '../api/request.ts'

/** A person waits for it, with the page open. */
export const MOST = 10_000
const PAGE_SIZE = 200
const AT_ONCE = 8

/** `more`: others match, too, and are left alone. */
export type Found = { ids: string[]; more: boolean }

/**
 * The dry run: walks the list and changes nothing.
 *
 * @param onCount told how many were found so far
 * @throws what `listDeliveries` throws; ends early, with what it has, when the signal is aborted
 */
export const findAll = async (
  filter: DeliveryFilter,
  onCount: (count: number) => void,
  signal: AbortSignal,
): Promise<Found> => {
  const ids: string[] = []
  let cursor: string | undefined
  do {
    const page = await listDeliveries(filter, { cursor, pageSize: PAGE_SIZE })
    ids.push(...page.deliveries.map(({ id }) => id))
    cursor = page.nextCursor ?? undefined
    onCount(ids.length)
  } while (cursor !== undefined && ids.length < MOST && !signal.aborted)
  return { ids: ids.slice(0, MOST), more: cursor !== undefined }
}

/** `skipped`: in flight, or gone; left as they were. */
export type Progress = { replayed: number; skipped: number }

/**
 * @param onProgress told after each one
 * @throws what `replayDelivery` throws, except that a delivery may not be replayed now
 */
export const replayAll = async (
  ids: readonly string[],
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<void> => {
  const progress = { replayed: 0, skipped: 0 }
  const waiting = ids.values()
  const work = async () => {
    for (const id of waiting) {
      if (signal.aborted) return
      progress[await replayOne(id)] += 1
      onProgress({ ...progress })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

const replayOne = async (id: string): Promise<keyof Progress> => {
  try {
    await replayDelivery(id)
    return 'replayed'
  } catch (error) {
    const status = statusOf(error)
    if (status === 409 || status === 404) return 'skipped'
    throw error
  }
}
