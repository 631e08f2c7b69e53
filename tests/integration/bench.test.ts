// The benchmark measures what it says: a short run of it, whose figures are of no interest.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Result } from '../../bench/report.ts'
import { judge } from '../../bench/criteria.ts'
import { percentile, summarise } from '../../bench/figures.ts'
import { byFunction, byOwner } from '../../bench/profile-reading.ts'
import { startProcess } from '../support/process.ts'

const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-bench-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('npm run bench', () => {
  it('delivers fan1 by the broker and by the bare queue, and writes the figures of both', async () => {
    const run = await startProcess({
      script: 'bench/run.ts',
      args: ['--only', 'fan1', '--scale', '0.01', '--rounds', '1', '--results', folder],
    })
    // It refuses a round of which a delivery is missing, double or not `delivered` in SQL: then this is 1.
    expect(await run.exited, run.lines.join('\n')).toMatchObject({ code: 0 })
    const [file = ''] = readdirSync(folder)
    const { scenarios, versions, settings, failures } = JSON.parse(
      readFileSync(join(folder, file), 'utf8'),
    ) as Result

    expect(failures).toEqual([])
    expect(Object.keys(scenarios)).toEqual(['bare fan1', 'fan1'])
    const figures = scenarios['fan1'] ?? {}
    const of = (name: string) => figures[name]?.median ?? NaN
    expect(of('deliveredPerS')).toBeGreaterThan(1)
    expect(of('ratioToBare')).toBeGreaterThan(0)
    expect(of('arrivalP99Ms')).toBeGreaterThanOrEqual(of('arrivalP50Ms'))
    // 50 triggers, claims and results: never more than three statements for one, and some in one.
    expect(of('sqlPerDelivery')).toBeGreaterThan(0)
    expect(of('sqlPerDelivery')).toBeLessThan(4)
    // Its webhooks asked for, added, taken, ended: each once for many, or once for each.
    expect(of('redisPerDelivery')).toBeGreaterThan(0)
    expect(of('redisPerDelivery')).toBeLessThan(4)
    expect(of('peakMb.worker')).toBeGreaterThan(20)
    expect(of('cpuS1000.worker')).toBeGreaterThan(0)
    expect(versions.node).toBe(process.version)
    expect(settings).toMatchObject({ rounds: 1, workers: 1, scale: 0.01 })
    // Nine processes and two servers start: 9 s alone, three times that beside other tests.
  }, 120_000)

  it('stops with one line that names the scenarios there are', async () => {
    const run = await startProcess({ script: 'bench/run.ts', args: ['--only', 'fan2'] })
    expect((await run.exited).code).toBe(1)
    expect(run.lines.join('\n')).toContain('no scenario fan2; there are limit, bare fan1, fan1')
  })
})

describe('figures', () => {
  it('are medians and ranges, and a percentile is a value that was measured', () => {
    expect(summarise([{ a: 3, b: 1 }, { a: 1 }, { a: 2.3456 }])).toEqual({
      a: { median: 2.35, min: 1, max: 3, rounds: [3, 1, 2.35] },
      b: { median: 1, min: 1, max: 1, rounds: [1] },
    })
    expect(percentile([1, 2, 3, 4], 50)).toBe(3)
    expect(percentile([1, 2, 3, 4], 99)).toBe(4)
  })
})

describe('the criteria', () => {
  it('are judged on medians, memory on the highest, and what was not measured is neither met nor missed', () => {
    const scenarios = {
      fan1: summarise([{ ratioToBare: 0.45, cpuMsPerDelivery: 0.9, deliveredPerS: 1_000 }]),
      'bare fan1': summarise([{ cpuMsPerDelivery: 0.5 }]),
      fan10: summarise([
        { 'peakMb.worker': 150 },
        { 'peakMb.worker': 201 },
        { 'peakMb.worker': 140 },
      ]),
      backlog: summarise([{ deliveredPerS: 899, 'peakMb.worker': 100 }]),
    }
    const judged = judge(scenarios)
    const of = (what: string) => judged.find((one) => one.what.startsWith(what))
    expect(of('`fan1`: delivered/s')).toMatchObject({
      measured: '0.45',
      met: true,
      limit: 'at least 0.45',
    })
    expect(of('`fan1`: CPU')).toMatchObject({
      measured: '0.90 ms',
      met: false,
      limit: 'at most 0.8 ms',
    })
    expect(of('`fan1`: CPU per delivery, as a multiple')).toMatchObject({
      measured: '1.80',
      met: true,
      limit: 'at most 2.05',
    })
    expect(of('worker')).toMatchObject({ measured: '201 MB', met: false })
    expect(of('`backlog`: delivered/s')).toMatchObject({ measured: '0.90', met: false })
    expect(of('API')).toMatchObject({ measured: '', met: undefined })
    expect(judged).toHaveLength(22)
  })
})

describe('a profile', () => {
  const node = (id: number, callFrame: [string, string], children: number[] = []) => ({
    id,
    callFrame: { functionName: callFrame[0], url: callFrame[1] },
    children,
  })
  const project = new URL('../..', import.meta.url).href
  const profile = {
    nodes: [
      node(1, ['(root)', ''], [2, 6]),
      node(2, ['send', `${project}lib/sender/agent.ts`], [3, 4]),
      node(3, ['writev', '']),
      node(4, ['', `${project}node_modules/@scope/pack/a/b.js`], [5]),
      node(5, ['emit', 'node:events']),
      node(6, ['(idle)', '']),
    ],
    samples: [2, 3, 3, 4, 5, 6],
    timeDeltas: [1_000, 2_000, 2_500, 300, 400, 9_000],
  }

  it('says by function where the time was spent itself, and not the time in which nothing was', () => {
    expect(byFunction(profile)).toEqual([
      { what: 'writev', ms: 4.5 },
      { what: 'send lib/sender/agent.ts', ms: 1 },
      { what: 'emit node:events', ms: 0.4 },
      { what: '(anonymous) @scope/pack/a/b.js', ms: 0.3 },
    ])
  })

  it('counts what Node itself does for the file or the package that called it', () => {
    expect(byOwner(profile)).toEqual([
      { what: 'lib/sender/agent.ts', ms: 5.5 },
      { what: '@scope/pack', ms: 0.7 },
    ])
  })
})
