// When a process has so little memory left that it must not take more work. With two thresholds, so that it does not
// begin and stop with every delivery.

export type Memory = {
  /** What the process holds. */
  usedBytes: number
  /** What it may hold before it is killed. */
  limitBytes: number
}

const HIGH = 0.85
const LOW = 0.75

/** @param pools the heap and the container's memory, say; each may be the one that ends first */
export const underPressure = (was: boolean, pools: readonly Memory[]): boolean => {
  const fullest = Math.max(0, ...pools.map(({ usedBytes, limitBytes }) => usedBytes / limitBytes))
  return was ? fullest > LOW : fullest > HIGH
}
