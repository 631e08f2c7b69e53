// The figures of a window of time: as numbers, and as lines.

import type { ComponentChildren } from 'preact'
import type { Bucket, Stats } from '../api/types.ts'
import { count, percent } from '../state/number.ts'
import { duration } from '../state/time.ts'
import { Chart } from './chart.tsx'
import { Section } from './page.tsx'
import { Ago } from './time.tsx'

type FigureProps = { name: string; value: string; under?: ComponentChildren }

const Figure = ({ name, value, under }: FigureProps) => (
  <div>
    <dt>{name}</dt>
    <dd>
      {value}
      <div class="under">{under ?? ' '}</div>
    </dd>
  </div>
)

const rateText = (value: number): string =>
  value === 0 || value >= 10
    ? count(Math.round(value))
    : String(Number(value.toFixed(value < 1 ? 2 : 1)))

const perMinute = (total: number, stats: Stats): string => {
  const minutes = (new Date(stats.to).getTime() - new Date(stats.from).getTime()) / 60_000
  return `${rateText(total / Math.max(minutes, 1))} per minute`
}

const ms = (value: number | null): string => (value === null ? '–' : duration(value))

export const Figures = ({ stats, overall }: { stats: Stats; overall: boolean }) => {
  const { totals, open } = stats
  return (
    <dl class="figures">
      <Figure
        name="Accepted"
        value={count(totals.accepted)}
        under={perMinute(totals.accepted, stats)}
      />
      <Figure
        name="Delivered"
        value={count(totals.delivered)}
        under={perMinute(totals.delivered, stats)}
      />
      <Figure
        name="Success rate"
        value={totals.successRate === null ? '–' : percent(totals.successRate)}
        under={`${count(totals.failed)} attempts failed`}
      />
      <Figure
        name="Latency, median"
        value={ms(totals.p50Ms)}
        under={`95 % within ${ms(totals.p95Ms)}`}
      />
      {overall ? (
        <Figure
          name="Open"
          value={open.capped ? `over ${count(open.count)}` : count(open.count)}
          under={
            open.oldestDueAt === null ? (
              'none is due'
            ) : (
              <>
                oldest due <Ago iso={open.oldestDueAt} />
              </>
            )
          }
        />
      ) : null}
      <Figure name="Dead" value={count(totals.dead)} under="given up in this time" />
    </dl>
  )
}

const values = (buckets: readonly Bucket[], of: (bucket: Bucket) => number | null) =>
  buckets.map(of)

export const Charts = ({ stats }: { stats: Stats }) => {
  const { buckets } = stats
  const times = buckets.map(({ at }) => at)
  const stepMinutes = stats.step / 60
  const rate = (of: (bucket: Bucket) => number) =>
    values(buckets, (bucket) => of(bucket) / stepMinutes)
  return (
    <div class="charts">
      <Section title="Deliveries per minute">
        <Chart
          title="Accepted, delivered and failed per minute"
          times={times}
          lines={[
            { label: 'accepted', tint: 'accent', values: rate(({ accepted }) => accepted) },
            { label: 'delivered', tint: 'good', values: rate(({ delivered }) => delivered) },
            { label: 'failed attempts', tint: 'bad', values: rate(({ failed }) => failed) },
          ]}
          format={rateText}
        />
      </Section>
      <Section title="Latency of the receivers">
        <Chart
          title="Latency of the receivers: median and 95th percentile"
          times={times}
          lines={[
            { label: 'median', tint: 'accent', values: values(buckets, ({ p50Ms }) => p50Ms) },
            {
              label: '95th percentile',
              tint: 'warn',
              values: values(buckets, ({ p95Ms }) => p95Ms),
            },
          ]}
          format={(value) => (value === 0 ? '0' : duration(value))}
        />
      </Section>
    </div>
  )
}
