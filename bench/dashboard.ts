// How long the pages of the dashboard take with 1,000,000 deliveries, in Chromium, from the click to the rows:
// `npm run bench:dashboard`. Prints a table; the same as JSON with --json <file>. The marks: first rows within 1 s, each
// further page under 200 ms.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import pg from 'pg'
import type { Browser, Page } from 'playwright-core'
import { makeDatabase } from '../lib/postgres/database.ts'
import { migrate } from '../lib/postgres/migrate.ts'
import { startPostgres } from '../local/services/postgres.ts'
import { startRedis } from '../local/services/redis.ts'
import { openPage, startBrowser } from '../tests/support/browser.ts'
import { startProcess } from '../tests/support/process.ts'
import { fill } from './fill.ts'

const { values: options } = parseArgs({
  options: {
    deliveries: { type: 'string', default: '1000000' },
    pages: { type: 'string', default: '30' },
    json: { type: 'string' },
  },
})
const PAGES = Number(options.pages)

/** Milliseconds. */
type Row = { name: string; firstRows: number; pagesP50: number; pagesMax: number }

const LISTS = [
  // Opens the connections of the API and of Chromium; the others find them open.
  ['all, right after the start', '/dashboard/deliveries'],
  ['all deliveries', '/dashboard/deliveries'],
  ['dead ones', '/dashboard/deliveries?status=dead'],
  ['of one event', '/dashboard/deliveries?eventName=event-3'],
  ['dead ones of one event', '/dashboard/deliveries?status=dead&eventName=event-3'],
  ['messages', '/dashboard/messages'],
] as const

const firstLink = 'table.rows tbody .row-link'
const hrefOfFirst = (page: Page) => page.locator(firstLink).first().getAttribute('href')

/** From the click to the moment at which the first row is another one and has been painted, by the clock of the page. */
const TURN = `new Promise((resolve) => {
  const first = () => document.querySelector('${firstLink}')?.getAttribute('href')
  const before = first()
  const startedMs = performance.now()
  document.querySelector('.pager a:last-child').click()
  const look = () => first() === before || first() === undefined
    ? requestAnimationFrame(look)
    : resolve(performance.now() - startedMs)
  look()
})`

const measure = async (
  browser: Browser,
  origin: string,
  [name, path]: readonly [string, string],
): Promise<Row> => {
  // A context of its own: nothing is cached, and the page is loaded as by who comes for the first time.
  const { page, faults, close } = await openPage(browser, origin)
  const startedMs = performance.now()
  await page.goto(path, { waitUntil: 'commit' })
  await page.locator(firstLink).first().waitFor()
  const firstRows = performance.now() - startedMs
  const turns: number[] = []
  for (let turn = 0; turn < PAGES; turn += 1) {
    if ((await page.getByRole('link', { name: 'Older' }).count()) === 0) break
    turns.push(await page.evaluate<number>(TURN))
  }
  if (faults.length > 0) throw new Error(faults.join('\n'))
  if ((await hrefOfFirst(page)) === null) throw new Error(`${name} showed nothing`)
  await close()
  turns.sort((a, b) => a - b)
  const round = (ms: number | undefined) => Math.round(ms ?? 0)
  const pagesP50 = round(turns[Math.floor(turns.length / 2)])
  return { name, firstRows: round(firstRows), pagesP50, pagesMax: round(turns.at(-1)) }
}

const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-bench-'))
chmodSync(folder, 0o755)
const [postgres, redis] = await Promise.all([
  startPostgres({ dataDir: join(folder, 'postgres'), fsync: false }),
  startRedis({ dataDir: join(folder, 'redis'), persistence: 'none' }),
])
// Filling takes longer than the broker lets a statement take.
const pool = new pg.Pool({ connectionString: postgres.url, max: 4 })
pool.on('error', () => undefined)
const database = makeDatabase(pool)

try {
  await migrate(database)
  await fill(database, Number(options.deliveries))
  const api = await startProcess({
    script: 'local/api.ts',
    env: {
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      BROKER_AUTH: 'off',
      PORT: '0',
      BROKER_LOG_LEVEL: 'error',
    },
    readyLine: /ready on/,
  })
  const browser = await startBrowser()
  try {
    const [, origin = ''] = /ready on (http:\S+)/.exec(api.lines.join('\n')) ?? []
    const rows: Row[] = []
    for (const list of LISTS) rows.push(await measure(browser, origin, list))
    console.table(rows)
    const result = { deliveries: Number(options.deliveries), pages: PAGES, rows }
    if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(result, null, 2))
  } finally {
    await browser.close()
    await api.stop()
  }
} finally {
  await pool.end()
  await Promise.all([postgres.stop(), redis.stop()])
  rmSync(folder, { recursive: true, force: true })
}
