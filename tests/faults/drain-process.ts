// One invocation of the scheduled drain in a process of its own, as Lambda runs it: so much time, and then the platform
// ends it, ready or not. DRAIN_TOLD_MS is what the function is told that it has, DRAIN_BUDGET_MS when it is ended.

import { openDraining } from '../../lib/wiring/draining.ts'
import { openFunction } from '../../lib/wiring/serving.ts'

const toldMs = Number(process.env['DRAIN_TOLD_MS'] ?? '60000')
const budgetMs = Number(process.env['DRAIN_BUDGET_MS'] ?? String(toldMs))

const drain = await openDraining(openFunction('drain'))
const end = setTimeout(() => process.kill(process.pid, 'SIGKILL'), budgetMs)
process.stdout.write('drain begins\n')
const summary = await drain(toldMs)
clearTimeout(end)
// An exit takes along what the pipe has not taken yet: behind the metrics of thousands of deliveries, with a reader that is
// late, that was the summary.
process.stdout.write(`${JSON.stringify(summary)}\n`, () => process.exit(0))
