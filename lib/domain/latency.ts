// How long receivers take, as counts in fixed buckets: they can be added up over minutes, webhooks and days, which
// percentiles cannot. Two buckets per doubling: a percentile read from them is off by a fifth at most.

/** Where each bucket after the first begins, in ms. The last one has no end. */
export const LATENCY_BOUNDS_MS: readonly number[] = [
  1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512, 724, 1024, 1448, 2048,
  2896, 4096, 5793, 8192, 11585, 16384, 23170, 32768, 46341,
]

export const LATENCY_BUCKETS = LATENCY_BOUNDS_MS.length + 1

// An attempt may take a minute, so the last bucket ends about there.
const LONGEST_MS = 65_536

/**
 * @param counts one number per bucket
 * @param share from 0 to 1, such as 0.95
 * @returns whole milliseconds, taken evenly spread within the bucket; null when nothing was counted
 */
export const percentileMs = (counts: readonly number[], share: number): number | null => {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  const rank = share * total
  let before = 0
  for (const [index, count] of counts.entries()) {
    if (count > 0 && before + count >= rank) {
      const lower = LATENCY_BOUNDS_MS[index - 1] ?? 0
      const upper = LATENCY_BOUNDS_MS[index] ?? LONGEST_MS
      return Math.round(lower + ((upper - lower) * (rank - before)) / count)
    }
    before += count
  }
  return LONGEST_MS
}
