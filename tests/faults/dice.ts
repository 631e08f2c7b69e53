// Chance that a seed decides: mulberry32, small, and the same everywhere.

/** @returns throws a die of so many sides: 0 to sides - 1 */
export const makeDice = (start: number) => {
  let state = start
  return (sides: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % sides
  }
}
