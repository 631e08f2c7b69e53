// What a delivery costs in commands, statements and function time: counted on the packaged functions, and compared with
// the table in docs/costs.md, from which its prices are calculated.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DrainSummary } from '../../lib/broker/drain.ts'
import { makeFunctionKit, type FunctionKit } from '../support/function-kit.ts'
import { PACKAGING_TIMEOUT_MS } from '../support/function-package.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { startTestRedis, type TestRedis } from '../support/redis-kit.ts'
import { recordStatements, type StatementRecorder } from '../support/statement-recorder.ts'
import { waitUntil } from '../support/wait.ts'

const URLS = 10
const TRIGGERS = 30
const DELIVERIES = URLS * TRIGGERS
/** How far a count may be from the page before the page must change: batches are of other sizes each time. */
const TOLERANCE = 0.25

let kit: FunctionKit
let redis: TestRedis
let recorder: StatementRecorder
let receiver: Receiver
let commands: { sent: number; inside: number }
const counted: Record<string, Counts> = {}

beforeAll(async () => {
  redis = await startTestRedis()
  receiver = await startReceiver()
  kit = await makeFunctionKit({
    redisUrl: redis.url,
    // Retries come soon, so that a run counts them, too; what they cost does not depend on when.
    env: { BROKER_RETRY_SCHEDULE: Array(30).fill('20ms').join(','), BROKER_RETRY_JITTER: '0' },
    before: async (port) => {
      recorder = await recordStatements(port)
      return recorder.port
    },
  })
  commands = { sent: 0, inside: 0 }
  const monitor = await redis.admin.monitor()
  monitor.on('monitor', (_time: string, _args: string[], source: string) => {
    if (source === 'lua') commands.inside += 1
    else commands.sent += 1
  })
  for (let n = 0; n < URLS; n += 1) await register('counted', `/${n}`)
  await register('single', '/single')
  await kit.invoke('sweep', {})
  // Connects and loads the scripts, which is not counted.
  await kit.call('trigger', 'POST trigger-event/single', {})
  await drainAll()
}, PACKAGING_TIMEOUT_MS)
afterAll(async () => {
  mkdirSync('test-results', { recursive: true })
  writeFileSync('test-results/costs.json', JSON.stringify(counted, null, 2))
  process.stdout.write(`costs: ${JSON.stringify(counted)}\n`)
  await kit.stop()
  await Promise.all([recorder.close(), receiver.close(), redis.stop()])
})

const register = (eventName: string, path: string) =>
  kit.call('register', 'POST webhooks', { eventName, webhookUrl: `${receiver.url}${path}` })

type Counts = { commands: number; inside: number; statements: number; functionMs?: number }

/** Counts what `work` does, per `units`. */
const count = async (name: string, units: number, work: () => Promise<void>): Promise<Counts> => {
  const before = { ...commands, statements: recorder.statements.length }
  const startedMs = performance.now()
  await work()
  const functionMs = performance.now() - startedMs
  // Redis reports in order: when it has reported this, it has reported everything before.
  const sent = commands.sent
  await redis.admin.echo('counted')
  await waitUntil(() => commands.sent > sent, { message: 'the end of the report' })
  const per = (total: number) => Math.round((100 * total) / units) / 100
  const counts = {
    commands: per(commands.sent - before.sent - 1),
    inside: per(commands.inside - before.inside),
    statements: per(recorder.statements.length - before.statements),
    // For the record only: it depends on the machine.
    functionMs: per(functionMs),
  }
  counted[name] = counts
  return counts
}

const drainAll = async (): Promise<void> => {
  await waitUntil(
    async () => {
      await kit.invoke<DrainSummary>('drain', {})
      const open = await kit.schema.sql(
        "select id from deliveries where status not in ('delivered', 'dead') limit 1",
      )
      return open.length === 0
    },
    { timeoutMs: 60_000, message: 'every delivery to end' },
  )
}

/** The rows of the table of counts: commands sent, those inside scripts as well, statements. */
const onThePage = (row: string): Counts => {
  const page = readFileSync('docs/costs.md', 'utf8')
  const cells = page
    .split('\n')
    .find((line) => line.startsWith(`| ${row} |`))
    ?.split('|')
    .map((cell) => Number(cell.trim()))
  const [, , sent = NaN, inside = NaN, statements = NaN] = cells ?? []
  return { commands: sent, inside, statements }
}

const expectAsOnThePage = (row: string, counts: Counts) => {
  const page = onThePage(row)
  for (const key of ['commands', 'inside', 'statements'] as const) {
    const slack = Math.max(0.3, page[key] * TOLERANCE)
    expect
      .soft(Math.abs(counts[key] - page[key]), `${row}, ${key}: ${counts[key]}`)
      .toBeLessThanOrEqual(slack)
  }
}

describe('docs/costs.md says what is counted', () => {
  it('for a trigger of one webhook', async () => {
    const counts = await count('trigger, 1 webhook', TRIGGERS, async () => {
      for (let n = 0; n < TRIGGERS; n += 1)
        await kit.call('trigger', 'POST trigger-event/single', { n })
    })
    expectAsOnThePage('trigger, 1 webhook', counts)
    await drainAll()
  })

  it.each([0, 5, 30])('for a delivery when %d % of the attempts fail', async (percent) => {
    // Spread over the webhooks: each fails now and then, and none so often that its breaker opens.
    const seen = new Map<string, number>()
    let requests = 0
    let failures = 0
    receiver.answer = ({ url }, response) => {
      const turn = seen.get(url) ?? Number(url.slice(1)) * 2
      seen.set(url, turn + 1)
      const fails = Math.floor(((turn + 1) * percent) / 100) > Math.floor((turn * percent) / 100)
      requests += 1
      if (fails) failures += 1
      response.writeHead(fails ? 500 : 200).end()
    }
    const accepted = await count(`trigger, 10 webhooks (${percent} %)`, TRIGGERS, async () => {
      for (let n = 0; n < TRIGGERS; n += 1)
        await kit.call('trigger', 'POST trigger-event/counted', { n })
    })
    expectAsOnThePage('trigger, 10 webhooks', accepted)
    const delivered = await count(`delivery, ${percent} % of attempts fail`, DELIVERIES, drainAll)
    expect(requests).toBe(DELIVERIES + failures)
    expectAsOnThePage(`delivery, ${percent} % of attempts fail`, delivered)
  })

  it('for a drain and a sweep that have nothing to do', async () => {
    const drained = await count('idle drain', 1, async () => {
      await kit.invoke('drain', {})
    })
    expectAsOnThePage('idle drain', drained)
    // The first one rolls up what the deliveries above left for the statistics.
    await kit.invoke('sweep', {})
    const swept = await count('idle sweep', 1, async () => {
      await kit.invoke('sweep', {})
    })
    expectAsOnThePage('idle sweep', swept)
  })
})
