// Chooses the window of time; it stands in the address.

import { RANGES, type Range } from '../state/ranges.ts'

export const Ranges = ({ range, hrefOf }: { range: Range; hrefOf(range: Range): string }) => (
  <nav class="ranges" aria-label="Window of time">
    {RANGES.map((each) => (
      <a
        key={each.range}
        href={hrefOf(each.range)}
        {...(each.range === range ? { 'aria-current': 'true' as const } : {})}
      >
        {each.label}
      </a>
    ))}
  </nav>
)
