// F10 as a scenario that a test runs short and a fault run at full length: receivers that misbehave in every way beside
// healthy ones, through the whole broker. It measures and judges nothing. API and workers run already.

import { startProcess } from '../support/process.ts'
import {
  HOSTILE_KINDS,
  type HostileAddresses,
  type HostileKind,
  type HostileSeen,
} from './hostile-receiver-process.ts'
import type { IsolationRig } from './isolation-rig.ts'
import { measure, names, type Compared } from './isolation-scenarios.ts'
import { residentMb } from './resources.ts'

export type Hostile = {
  seen(): Promise<HostileSeen>
  /** Where the redirect leads; nobody but a test may call it. */
  target: string
  stop(): Promise<void>
}

/** Starts the receivers and registers one webhook for each kind, event `hostile.<kind>`. */
export const startHostile = async (rig: IsolationRig): Promise<Hostile> => {
  const receiver = await startProcess({
    script: 'tests/faults/hostile-receiver-process.ts',
    readyLine: /^hostile receiver ready/,
  })
  const line = receiver.lines.find((text) => text.startsWith('hostile receiver ready')) ?? ''
  const { control, target, ...kinds } = JSON.parse(
    line.slice(line.indexOf('{')),
  ) as HostileAddresses
  for (const kind of HOSTILE_KINDS)
    await rig.register(eventOf(kind), { webhookUrl: `${kinds[kind]}/hook` })
  return {
    target,
    seen: async () => (await (await fetch(control)).json()) as HostileSeen,
    stop: async () => {
      await receiver.kill9()
    },
  }
}

const eventOf = (kind: HostileKind) => `hostile.${kind}`

/** One attempt, as the log has it. */
export type HostileAttempt = {
  kind: string
  outcome: string
  code: string
  statusCode: number | null
  durationMs: number
  bodyBytes: number
}

export const attemptsOn = (rig: IsolationRig): Promise<HostileAttempt[]> =>
  rig.postgres.sql<HostileAttempt>(
    `select substr(d.event_name, 9) as kind, a.outcome, a.code, a.status_code as "statusCode",
      a.duration_ms as "durationMs", coalesce(octet_length(a.response_body), 0) as "bodyBytes"
     from attempts a join deliveries d on d.id = a.delivery_id where d.event_name like 'hostile.%'`,
  )

/** A broker of its own, and the process whose memory is watched. */
export type Side = { rig: IsolationRig; workerPid: number }

export type HostileOptions = {
  healthy: number
  perSecond: number
  forMs: number
  /** Triggers of each kind in a second. */
  hostilePerSecond: number
  rounds: number
}

export type HostileResult = {
  compared: Omit<Compared, 'openBad'>[]
  attempts: HostileAttempt[]
  /** The most that a worker held in the same time, without and with them. */
  memory: { withoutMb: number; withBadMb: number }[]
}

/**
 * The same load on two brokers at the same time, in one of which eleven of the webhooks are hostile: whatever else the
 * machine does meanwhile, it does to both. One after the other they differed by three times with nothing hostile in either.
 */
export const hostile = async (
  { bad, control }: { bad: Side; control: Side },
  options: HostileOptions,
): Promise<HostileResult> => {
  const { healthy, perSecond, forMs, hostilePerSecond, rounds } = options
  const load = { eventNames: names('healthy', healthy), perSecond, forMs }
  const both = async (phaseMs: number, beside?: (rig: IsolationRig) => Promise<unknown>) => {
    const phase = { ...load, forMs: phaseMs }
    const side = ({ rig, workerPid }: Side) =>
      watched(workerPid, () => measure(rig, phase, () => Promise.resolve(beside?.(rig))))
    const [without, withBad] = await Promise.all([side(control), side(bad)])
    return { without, withBad }
  }
  for (const { rig } of [bad, control]) for (const name of load.eventNames) await rig.register(name)
  // With nothing hostile these get their events all the same.
  for (const kind of HOSTILE_KINDS) await control.rig.register(eventOf(kind))
  await both(3_000)
  const hostileLoad = {
    eventNames: HOSTILE_KINDS.map(eventOf),
    perSecond: hostilePerSecond * HOSTILE_KINDS.length,
    forMs,
  }
  const result: Omit<HostileResult, 'attempts'> = { compared: [], memory: [] }
  for (let round = 0; round < rounds; round += 1) {
    const { without, withBad } = await both(forMs, (rig) => rig.load(hostileLoad))
    result.compared.push({ without: without.value, withBad: withBad.value })
    result.memory.push({ withoutMb: without.mostMb, withBadMb: withBad.mostMb })
  }
  return { ...result, attempts: await attemptsOn(bad.rig) }
}

const WATCH_EVERY_MS = 50

const watched = async <Value>(pid: number, work: () => Promise<Value>) => {
  let mostMb = residentMb(pid)
  const timer = setInterval(() => {
    mostMb = Math.max(mostMb, residentMb(pid))
  }, WATCH_EVERY_MS)
  try {
    const value = await work()
    return { value, mostMb }
  } finally {
    clearInterval(timer)
  }
}
