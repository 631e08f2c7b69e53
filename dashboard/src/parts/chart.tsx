// Lines over time, drawn by uPlot in the colours of the theme. What it shows is also said in words and kept as a table,
// for those who do not see it.

import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { CHANGED } from '../state/theme.ts'
import { axisTime, localTime } from '../state/time.ts'

export type Tint = 'accent' | 'good' | 'bad' | 'warn'

export type Line = {
  label: string
  tint: Tint
  /** One for each time; null where there was nothing to measure. */
  values: readonly (number | null)[]
}

type ChartProps = {
  /** ISO 8601, oldest first. */
  times: readonly string[]
  lines: readonly Line[]
  /** What it is about, in one sentence. */
  title: string
  format(value: number): string
}

const HEIGHT_PX = 176

export const Chart = ({ times, lines, title, format }: ChartProps) => {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const data = toData(times, lines)
  const shape = lines.map(({ label }) => label).join()
  const latest = useRef(data)
  latest.current = data

  useEffect(() => {
    const draw = () => {
      plot.current?.destroy()
      if (box.current === null) return
      plot.current = new uPlot(optionsFor(box.current, lines, format), latest.current, box.current)
    }
    draw()
    const resized = new ResizeObserver(([entry]) => {
      plot.current?.setSize({ width: Math.floor(entry?.contentRect.width ?? 0), height: HEIGHT_PX })
    })
    if (box.current !== null) resized.observe(box.current)
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', draw)
    addEventListener(CHANGED, draw)
    return () => {
      resized.disconnect()
      scheme.removeEventListener('change', draw)
      removeEventListener(CHANGED, draw)
      plot.current?.destroy()
      plot.current = undefined
    }
    // The lines are told apart by their labels; their values change by setData below.
  }, [shape])

  useEffect(() => plot.current?.setData(data), [data])

  return (
    <figure>
      <p class="legend" aria-hidden="true">
        {lines.map(({ label, tint }) => (
          <span key={label} class={`tint-${tint}`}>
            {label}
          </span>
        ))}
      </p>
      <div class="chart" ref={box} role="img" aria-label={title} />
      <Values times={times} lines={lines} title={title} format={format} />
    </figure>
  )
}

const toData = (times: readonly string[], lines: readonly Line[]): uPlot.AlignedData => [
  times.map((iso) => new Date(iso).getTime() / 1_000),
  ...lines.map(({ values }) => [...values]),
]

const optionsFor = (
  box: HTMLElement,
  lines: readonly Line[],
  format: ChartProps['format'],
): uPlot.Options => {
  const style = getComputedStyle(box)
  const colour = (name: string) => resolve(box, style.getPropertyValue(`--${name}`))
  const font = `11px ${style.fontFamily}`
  const axis = {
    stroke: colour('muted'),
    font,
    grid: { stroke: colour('line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width: box.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { drag: { setScale: false } },
    scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, values: timeLabels },
      { ...axis, size: 56, values: (_plot, splits) => splits.map(format) },
    ],
    series: [
      {},
      ...lines.map(({ label, tint }) => ({
        label,
        stroke: colour(tint),
        width: 1.5,
        // A point that no line reaches would not be seen.
        points: { show: true, size: 4, filter: isolated },
      })),
    ],
  }
}

const isolated = (plot: uPlot, series: number): number[] => {
  const values = plot.data[series] ?? []
  return [...values.keys()].filter(
    (at) => values[at] != null && values[at - 1] == null && values[at + 1] == null,
  )
}

/** By the clock within two days, by the day beyond. */
const timeLabels = (plot: uPlot, splits: number[]): string[] => {
  const times = plot.data[0]
  const spanS = (times.at(-1) ?? 0) - (times[0] ?? 0)
  return splits.map((seconds) => axisTime(seconds * 1_000, spanS > 172_800))
}

/** `light-dark(…)` as the colour that it is now: a canvas knows no themes. */
const resolve = (box: HTMLElement, value: string): string => {
  const probe = document.createElement('span')
  probe.style.color = value
  box.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

const Values = ({ times, lines, title, format }: ChartProps) => (
  <details class="values">
    <summary>As a table</summary>
    <div class="scroll" tabIndex={0} role="region" aria-label={`${title}, as a table`}>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Time</th>
            {lines.map(({ label }) => (
              <th key={label} scope="col" class="number">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {times.map((iso, index) => (
            <tr key={iso}>
              <th scope="row">{localTime(iso)}</th>
              {lines.map(({ label, values }) => {
                const value = values[index]
                return (
                  <td key={label} class="number">
                    {value === null || value === undefined ? '–' : format(value)}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </details>
)
