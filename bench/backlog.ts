// A backlog: a hundred thousand deliveries wait while no worker runs; then the workers start and drain it. Their memory is
// looked at every second: it must not follow the backlog.

import { setTimeout as wait } from 'node:timers/promises'
import { cpuMsOf, residentMbOf } from './accounting.ts'
import type { Figures } from './figures.ts'
import type { Arrivals } from './processes/receiver.ts'
import { arrivalsOf, deliveredOf, loadOf, register, untilEnded, type Shape } from './round.ts'
import { brokerParts, type Stage } from './stage.ts'

const BACKLOG = 100_000
const LANES = 50
const SAMPLE_MS = 1_000
const DRAIN_MS = 600_000

/** @param scale a share of the hundred thousand */
export const drainBacklog = async (stage: Stage, scale: number): Promise<Figures> => {
  const events = Math.max(1, Math.round(BACKLOG * scale))
  const shape: Shape = { eventName: 'backlog', fanOut: 1, pace: { events, lanes: LANES } }
  const count = stage.workers.length
  await register(stage, shape)
  await stage.stopWorkers()
  await stage.receiver.ask('expect', events)
  await stage.client.ask('fire', loadOf(stage, shape))

  const before = cpuMsOf(brokerParts(stage))
  await stage.startWorkers(count)
  const memory = sampleWorkers(stage)
  const arrivals = await arrivalsOf(stage.receiver, { deliveries: events, timeoutMs: DRAIN_MS })
  const samplesMb = memory.stop()
  await untilEnded(stage)
  const after = cpuMsOf(brokerParts(stage))

  const delivered = await deliveredOf(stage, shape.eventName)
  if (delivered !== events || arrivals.copies > 0)
    throw new Error(`${delivered} of ${events} are delivered, ${arrivals.copies} came twice`)
  const used = ['api', 'worker', 'sweep', 'redis', 'postgres'].map(
    // The workers are new: all of their time counts, with that of their start.
    (part) => (after[part] ?? 0) - (part === 'worker' ? 0 : (before[part] ?? 0)),
  )
  return {
    deliveredPerS: rateOf(arrivals),
    cpuMsPerDelivery: used.reduce((sum, ms) => sum + ms, 0) / events,
    'cpuS1000.worker': (after['worker'] ?? 0) / events,
    'peakMb.worker': Math.max(...samplesMb),
    ...quarters(samplesMb),
  }
}

/** From the first arrival to the last one. */
const rateOf = ({ atMs }: Arrivals): number => {
  const sorted = atMs.toSorted()
  const tookMs = (sorted.at(-1) ?? 0) - (sorted[0] ?? 0)
  return (sorted.length * 1_000) / tookMs
}

/** Resident memory of the largest worker when a quarter, half … of the time had passed. */
const quarters = (samplesMb: readonly number[]): Figures =>
  Object.fromEntries(
    [25, 50, 75, 100].map((percent) => {
      const at = Math.max(0, Math.ceil((samplesMb.length * percent) / 100) - 1)
      return [`workerMbAfter${percent}Percent`, samplesMb[at] ?? Number.NaN]
    }),
  )

const sampleWorkers = (stage: Stage): { stop(): number[] } => {
  const samplesMb: number[] = []
  const over = new AbortController()
  const look = () => samplesMb.push(residentMbOf(brokerParts(stage))['worker'] ?? 0)
  const run = async () => {
    while (!over.signal.aborted) {
      look()
      await wait(SAMPLE_MS, undefined, { signal: over.signal }).catch(() => undefined)
    }
  }
  void run()
  return {
    stop: () => {
      over.abort()
      look()
      return samplesMb
    },
  }
}
