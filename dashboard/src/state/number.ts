// Numbers for people.

const whole = new Intl.NumberFormat()
const compact = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 })

export const count = (value: number): string =>
  value < 10_000 ? whole.format(value) : compact.format(value)

export const bytes = (value: number): string =>
  value < 1_024 ? `${value} B` : `${(value / 1_024).toFixed(1)} KiB`

/** A share of 1. Never rounded up to 100 %: one failure in a million is not none. */
export const percent = (share: number): string => {
  // 0.7857 * 10,000 is 7856.999…
  const hundredths = Math.floor(Number((share * 10_000).toFixed(3))) / 100
  return `${share < 1 && hundredths === 100 ? 99.99 : hundredths} %`
}
