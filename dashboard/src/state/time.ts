// Times for people: local, short, and how long ago or until. The exact time in UTC stands beside (see parts/time.tsx).

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })
const dayAndClock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

const shortClock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
const shortDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })

export const axisTime = (ms: number, byDay: boolean): string =>
  (byDay ? shortDay : shortClock).format(ms)

export const localTime = (iso: string, now = new Date()): string => {
  const date = new Date(iso)
  return date.toDateString() === now.toDateString() ? clock.format(date) : dayAndClock.format(date)
}

export const utcTime = (iso: string): string => `${iso.replace('T', ' ').replace('Z', '')} UTC`

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

/** Two units at most: `2 h 5 min`, `340 ms`. */
export const duration = (ms: number): string => {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const at = UNITS.findIndex(([, size]) => ms >= size)
  const [unit, size] = UNITS[at] ?? UNITS[3]
  const whole = Math.floor(ms / size)
  const [smallUnit, smallSize] = UNITS[at + 1] ?? ['', 0]
  if (smallSize === 0) return `${ms < 10_000 ? (ms / 1_000).toFixed(1) : whole} s`
  const small = Math.floor((ms % size) / smallSize)
  return small === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${small} ${smallUnit}`
}

export const ago = (iso: string, now = Date.now()): string => {
  const ms = now - new Date(iso).getTime()
  return Math.abs(ms) < 1_000 ? 'just now' : ms > 0 ? `${duration(ms)} ago` : `in ${duration(-ms)}`
}

/** What a local date-time field holds, as the API takes it; empty where it holds nothing. */
export const fromField = (value: string): string => {
  const date = new Date(value)
  return value === '' || Number.isNaN(date.getTime()) ? '' : date.toISOString()
}

/** The inverse, to the second, in local time. */
export const toField = (iso: string): string => {
  const date = new Date(iso)
  if (iso === '' || Number.isNaN(date.getTime())) return ''
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 19)
}
