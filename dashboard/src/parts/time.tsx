// A time in the local zone, with UTC on hover, and how long ago it was.

import { useEffect, useState } from 'preact/hooks'
import { ago, localTime, utcTime } from '../state/time.ts'

export const When = ({ iso }: { iso: string }) => (
  <time dateTime={iso} title={utcTime(iso)}>
    {localTime(iso)}
  </time>
)

const TICK_MS = 1_000

/** Counts on by itself. */
export const Ago = ({ iso }: { iso: string }) => {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS)
    return () => clearInterval(timer)
  }, [])
  return (
    <time dateTime={iso} title={`${localTime(iso)} · ${utcTime(iso)}`}>
      {ago(iso, now)}
    </time>
  )
}
