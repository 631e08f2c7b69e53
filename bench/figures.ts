// Figures of rounds: each round is a flat record of numbers, and a run is their medians and ranges. Pure.

export type Figures = Record<string, number>

export type Summary = Record<string, { median: number; min: number; max: number; rounds: number[] }>

/** @param sorted rising */
export const percentile = (sorted: ArrayLike<number>, percent: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}

/** Three significant digits: what is beyond them is noise. */
const round = (value: number): number =>
  Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))

export const summarise = (rounds: readonly Figures[]): Summary => {
  const names = new Set(rounds.flatMap((figures) => Object.keys(figures)))
  return Object.fromEntries(
    [...names].map((name) => {
      const values = rounds.flatMap((figures) => figures[name] ?? [])
      return [
        name,
        {
          median: round(median(values)),
          min: round(Math.min(...values)),
          max: round(Math.max(...values)),
          rounds: values.map(round),
        },
      ]
    }),
  )
}

/** `<name>P50`, `P95`, `P99` in milliseconds. */
export const latencies = (name: string, valuesMs: Float64Array): Figures => {
  const sorted = valuesMs.toSorted()
  return Object.fromEntries(
    [50, 95, 99].map((percent) => [`${name}P${percent}Ms`, percentile(sorted, percent)]),
  )
}
