// What a run shows: a table of what users feel, one of what it costs, and the whole as JSON. Measures nothing.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { judge, type Judged } from './criteria.ts'
import type { Summary } from './figures.ts'

export type Result = {
  date: string
  commit: string
  machine: { cpus: number; model: string; memoryGb: number; system: string }
  /** Versions: of the processes that were measured, and of the servers. */
  versions: { node: string; redis: string; postgres: string }
  settings: Record<string, unknown>
  scenarios: Record<string, Summary>
  /** One line for each round that failed. */
  failures: string[]
}

type Column = readonly [title: string, figure: string, digits: number]

const FELT: readonly Column[] = [
  ['accepted/s', 'acceptedPerS', 0],
  ['delivered/s', 'deliveredPerS', 0],
  ['x bare', 'ratioToBare', 2],
  ['accept p50 ms', 'acceptP50Ms', 1],
  ['p95', 'acceptP95Ms', 1],
  ['p99', 'acceptP99Ms', 1],
  ['arrival p50 ms', 'arrivalP50Ms', 1],
  ['p99', 'arrivalP99Ms', 1],
  ['CPU ms/delivery', 'cpuMsPerDelivery', 3],
  ['SQL/delivery', 'sqlPerDelivery', 3],
  ['Redis/delivery', 'redisPerDelivery', 2],
  ['by the sweep', 'late', 0],
]

const PARTS = [
  'client',
  'receiver',
  'producer',
  'api',
  'worker',
  'sweep',
  'redis',
  'postgres',
  'broker',
]
const PROCESSOR: readonly Column[] = PARTS.map((part) => [part, `cpuS1000.${part}`, 3])
const MEMORY: readonly Column[] = PARTS.map((part) => [part, `peakMb.${part}`, 0])

/** A Markdown table; medians, and the range of the rates where there were several rounds. */
const table = (scenarios: Result['scenarios'], columns: readonly Column[]): string => {
  const cell = (summary: Summary, [, figure, digits]: Column): string => {
    const value = summary[figure]
    if (value === undefined) return ''
    const shown = value.median.toFixed(digits)
    return figure === 'deliveredPerS' && value.rounds.length > 1
      ? `${shown} (${value.min}-${value.max})`
      : shown
  }
  const shown = columns.filter(([, figure]) =>
    Object.values(scenarios).some((summary) => figure in summary),
  )
  const rows = Object.entries(scenarios)
    .map(([name, summary]) => [name, ...shown.map((column) => cell(summary, column))])
    .filter(([, ...cells]) => cells.some((text) => text !== ''))
  return markdown(['scenario', ...shown.map(([title]) => title)], rows)
}

/** Figures that only one scenario has. */
const others = (scenarios: Result['scenarios']): string[] => {
  const known = new Set([...FELT, ...PROCESSOR, ...MEMORY].map(([, figure]) => figure))
  return Object.entries(scenarios).flatMap(([name, summary]) =>
    Object.entries(summary)
      .filter(([figure]) => !known.has(figure) && !/^(?:accept|arrival)P/.test(figure))
      .map(([figure, { median, min, max }]) => `${name}: ${figure} ${median} (${min}-${max})`),
  )
}

/** @param columns a title, and what was judged under it */
export const criteriaTable = (
  columns: readonly (readonly [string, readonly Judged[]])[],
): string => {
  const [[, first] = ['', []]] = columns
  const cell = (judged: Judged | undefined) =>
    judged?.met === undefined
      ? 'not measured'
      : `${judged.measured}, ${judged.met ? 'met' : '**missed**'}`
  const rows = first.map(({ what, limit }, n) => [
    what,
    limit,
    ...columns.map(([, judged]) => cell(judged[n])),
  ])
  return markdown(['what', 'limit', ...columns.map(([title]) => title)], rows)
}

const markdown = (titles: readonly string[], rows: readonly string[][]): string =>
  [titles, titles.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

export const printResult = (result: Result): void => {
  const { cpus, model } = result.machine
  const { node, redis, postgres } = result.versions
  console.log(`\nNode ${node}, Redis ${redis}, Postgres ${postgres}, ${cpus} x ${model}`)
  if (result.settings['scale'] !== 1) console.log('Not all events were fired: no figures to quote.')
  printTables(result)
  console.log(`\n${criteriaTable([['measured', judge(result.scenarios)]])}`)
}

export const printTables = ({ scenarios }: Pick<Result, 'scenarios'>): void => {
  console.log('')
  console.log(table(scenarios, FELT))
  console.log('\nCPU seconds per 1,000 deliveries:\n')
  console.log(table(scenarios, PROCESSOR))
  console.log('\nHighest resident memory in MB (of one process; Postgres: all of it):\n')
  console.log(table(scenarios, MEMORY))
  const rest = others(scenarios)
  if (rest.length > 0) console.log(`\n${rest.join('\n')}`)
}

/** @returns the file */
export const writeResult = (result: Result, folder: string): string => {
  mkdirSync(folder, { recursive: true })
  const node = result.versions.node.replace(/^v?(\d+)\..*/, 'node$1')
  const file = join(folder, `${result.date.slice(0, 19).replaceAll(':', '')}-${node}.json`)
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
  return file
}
