// The scenario `list`: bench/list.ts in a process of its own, and the figures of it that a limit is set for.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Figures } from './figures.ts'

const DELIVERIES = 1_000_000
/** What the filling needs to make anything of. */
const FEWEST = 10_000
const SAMPLES = 40

type Written = { rows: { name: string; p50Ms: number; p95Ms: number }[]; sweepsMs: number[] }

/** @param scale a share of the million */
export const readMillion = async (scale: number): Promise<Figures> => {
  const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-bench-'))
  const json = join(folder, 'list.json')
  const deliveries = Math.max(FEWEST, Math.round(DELIVERIES * scale))
  const args = ['--deliveries', String(deliveries), '--samples', String(SAMPLES), '--json', json]
  try {
    await promisify(execFile)(process.execPath, ['--import', 'tsx', 'bench/list.ts', ...args])
    const { rows, sweepsMs } = JSON.parse(readFileSync(json, 'utf8')) as Written
    const slowest = (name: string): number =>
      Math.max(...rows.filter((row) => row.name.startsWith(name)).map(({ p95Ms }) => p95Ms))
    return {
      deliveries,
      slowestListP95Ms: Math.max(slowest('deliveries'), slowest('messages')),
      slowestStatsP95Ms: slowest('stats'),
      sweepMs: sweepsMs[Math.floor(sweepsMs.length / 2)] ?? Number.NaN,
      slowestSweepMs: sweepsMs.at(-1) ?? Number.NaN,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
