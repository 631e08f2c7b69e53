// The sweep as a process: `npm run sweep` runs once and prints a JSON summary, `npm run sweep -- --every` keeps going.

import { parseArgs } from 'node:util'
import { loadProcessConfig } from '../lib/config.ts'
import { makeReplaying, startReplaying } from '../lib/wiring/replaying.ts'
import { makeSweeping, sweepEvery } from '../lib/wiring/sweeping.ts'
import { configured } from './configured.ts'
import { runProcess } from './lifecycle.ts'
import { serveMetrics } from './metrics.ts'
import { openParts } from './parts.ts'

const MAX_CONNECTIONS = 2
const STOP_TIMEOUT_MS = 15_000
// A run ends by itself before the next one would begin, but never has less than this.
const MIN_BUDGET_MS = 20_000

const { values } = parseArgs({ options: { every: { type: 'boolean', default: false } } })
const config = configured(() => loadProcessConfig('sweep'))

await runProcess(STOP_TIMEOUT_MS, async (lifecycle) => {
  const parts = await openParts(
    config,
    {
      role: 'sweep',
      maxConnections: MAX_CONNECTIONS,
      // Standard output holds the summary alone, for a program to read.
      ...(values.every ? {} : { logTo: process.stderr }),
    },
    lifecycle,
  )
  const { dispatch } = parts
  const sweepingParts = { ...parts, ...dispatch, queue: dispatch.redis?.queue }
  const sweep = makeSweeping(config, sweepingParts)
  const { intervalMs } = config.sweep
  const budgetMs = Math.max(intervalMs, MIN_BUDGET_MS)
  if (values.every) {
    const replaying = startReplaying(sweepingParts)
    lifecycle.onStop('replays', replaying.close)
    const sweeping = sweepEvery(sweep, {
      afterEach: replaying.wake,
      intervalMs,
      budgetMs,
      stop: lifecycle.stopping,
      log: parts.log,
    })
    lifecycle.onStop('sweep', () => sweeping)
    await serveMetrics(config, parts, lifecycle)
    console.log('webhook-broker sweep ready')
    return
  }
  const summary = await sweep({ budgetMs })
  const { replayed } = await makeReplaying(sweepingParts)({
    budgetMs: Math.max(0, budgetMs - summary.durationMs),
  })
  console.log(JSON.stringify({ ...summary, replayed }))
  await lifecycle.stop()
})
