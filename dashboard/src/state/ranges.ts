// The windows of time that the figures are shown for. A window ends now, and moves on.

export type Range = '15m' | '1h' | '6h' | '24h' | '7d'

const MINUTE_MS = 60_000

const SPANS: Record<Range, { label: string; minutes: number; stepS: number }> = {
  '15m': { label: '15 min', minutes: 15, stepS: 60 },
  '1h': { label: '1 h', minutes: 60, stepS: 60 },
  '6h': { label: '6 h', minutes: 360, stepS: 300 },
  '24h': { label: '24 h', minutes: 1_440, stepS: 900 },
  '7d': { label: '7 d', minutes: 10_080, stepS: 7_200 },
}

export const RANGES = Object.entries(SPANS).map(([range, { label }]) => ({
  range: range as Range,
  label,
}))

export const rangeFrom = (text: string | null): Range =>
  text !== null && text in SPANS ? (text as Range) : '1h'

/** What to ask for: whole minutes, and how long a step is. */
export const windowOf = (range: Range, nowMs = Date.now()) => {
  const { minutes, stepS } = SPANS[range]
  return { from: new Date(nowMs - minutes * MINUTE_MS).toISOString(), step: stepS }
}
