// The broker in one process on embedded stores, as `npm start` runs it: fan1 on PGlite.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { startChild } from './child.ts'
import type { Figures } from './figures.ts'
import { loadOf, measure, register, type Shape } from './round.ts'
import { brokerEnv, HEADERS, printedUrl } from './stage.ts'

const EVENTS = 5_000
const LANES = 50
const POLL_MS = 50
const ENDED_MS = 120_000

type Day = { delivered: number; open: number }

/** How many are delivered once none is open, by the audit over HTTP: nobody else may look into an embedded store. */
const deliveredOf = async (origin: string): Promise<number> => {
  for (let waitedMs = 0; waitedMs < ENDED_MS; waitedMs += POLL_MS) {
    const response = await fetch(`${origin}/api/v0/audit`, { headers: HEADERS })
    const { days } = (await response.json()) as { days: Day[] }
    if (days.every(({ open }) => open === 0))
      return days.reduce((sum, { delivered }) => sum + delivered, 0)
    await wait(POLL_MS)
  }
  throw new Error('deliveries stay open')
}

export type EmbeddedOptions = {
  node: string
  compiled: string | undefined
  nodeOptions: string
  rounds: number
  scale: number
  logLevel: string
}

export const embeddedRounds = async (options: EmbeddedOptions): Promise<Figures[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-bench-'))
  const [receiver, client, broker] = await Promise.all([
    startChild({ script: 'bench/processes/receiver.ts', readyLine: /^ready/ }),
    startChild({ script: 'bench/processes/client.ts', readyLine: /^ready/ }),
    startChild({
      script: 'local/start.ts',
      env: {
        ...brokerEnv(options.logLevel),
        BROKER_DATA_DIR: folder,
        NODE_OPTIONS: options.nodeOptions,
      },
      node: options.node,
      compiled: options.compiled,
      readyLine: /^webhook-broker ready/,
    }),
  ])
  const origin = printedUrl(broker)
  const stage = { origin, headers: HEADERS, receiverUrl: printedUrl(receiver) }
  const round = async (events: number): Promise<Figures> => {
    const shape: Shape = { eventName: 'fan1', fanOut: 1, pace: { events, lanes: LANES } }
    const before = await deliveredOf(origin)
    const figures = await measure(events, {
      receiver,
      parts: { broker: [broker.pid], receiver: [receiver.pid], client: [client.pid] },
      counted: ['broker'],
      fire: () => client.ask('fire', loadOf(stage, shape)),
      settled: async () => {
        const delivered = (await deliveredOf(origin)) - before
        if (delivered !== events) throw new Error(`${delivered} of ${events} are delivered`)
      },
    })
    return figures
  }
  try {
    await register(stage, { eventName: 'fan1', fanOut: 1 })
    const figures: Figures[] = []
    while (figures.length < options.rounds) {
      await round(Math.max(1, Math.round(500 * options.scale)))
      figures.push(await round(Math.max(1, Math.round(EVENTS * options.scale))))
    }
    return figures
  } finally {
    await Promise.all([receiver, client, broker].map((child) => child.stop()))
    rmSync(folder, { recursive: true, force: true })
  }
}
