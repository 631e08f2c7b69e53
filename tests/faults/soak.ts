// `npm run soak -- --minutes N --seed S`: F18, load with one or two random faults a minute, then the oracle. The seed
// decides which faults come in which order; it is printed, and a run with the same seed brings the same ones.

import { parseArgs } from 'node:util'
import { makeDice } from './dice.ts'
import type { Verdict } from './oracle.ts'
import { print } from './print.ts'
import { startRig, type Rig } from './rig.ts'
import { FAULTS, FREEZE_A_WORKER } from './soak-faults.ts'
import { CONCURRENCY, held, openStage, resourcesComeBack, type Stage } from './soak-stage.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    'per-second': { type: 'string', default: '50' },
  },
})
const minutes = Number(values.minutes)
const seed = Number(values.seed)
const perSecond = Number(values['per-second'])

const FAULT_EVERY_MS = 30_000
const LEAST_PAUSE_MS = 5_000
const WARM_UP_MS = 5_000
// A backlog that does not get smaller for so long is stuck. How long all of it takes depends on the machine.
const STUCK_MS = 60_000

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Faults until the time is over. @returns how often each of them came */
const playFaults = async (stage: Stage, endMs: number): Promise<Record<string, number>> => {
  const dice = makeDice(seed)
  const names = Object.keys(FAULTS)
  const played: Record<string, number> = {}
  while (performance.now() + FAULT_EVERY_MS < endMs) {
    await pass(LEAST_PAUSE_MS + dice(FAULT_EVERY_MS - LEAST_PAUSE_MS))
    const name = names[dice(names.length)] ?? ''
    print(`${new Date().toISOString()} ${name}`)
    await FAULTS[name]?.(stage)
    played[name] = (played[name] ?? 0) + 1
  }
  return played
}

/** I4: what came after a success was on record can only be the requests of workers that were frozen. */
const isSound = ({ lost, late, violations }: Verdict, played: Record<string, number>) =>
  lost === 0 && violations.length === 0 && late <= (played[FREEZE_A_WORKER] ?? 0) * CONCURRENCY

/** For whoever has to find out why a delivery does not end. */
const printOpen = async ({ postgres, redis }: Rig) => {
  print(
    'still open',
    await postgres.sql(
      `select webhook_id, status, parked, released, probes, next_attempt_at = 'infinity' as waits, lease_until is not null as leased,
        count(*)::int as count, (min(due_at) - now())::text as due_in, min(id) as first
       from deliveries where finished_at is null group by 1, 2, 3, 4, 5, 6, 7 order by count desc limit 20`,
    ),
    await postgres.sql('select * from webhook_health'),
    await redis.admin.keys('*deliveries*'),
  )
}

/** Waits until nothing is open. @throws Error when it no longer gets less */
const worksOff = async (rig: Rig) => {
  let least = { open: Number.POSITIVE_INFINITY, atMs: 0 }
  while (least.open > 0) {
    const [row] = await rig.postgres.sql<{ open: number }>(
      'select count(*)::int as open from deliveries where finished_at is null',
    )
    const open = row?.open ?? 0
    const nowMs = performance.now()
    if (open < least.open) least = { open, atMs: nowMs }
    if (nowMs - least.atMs > STUCK_MS) {
      await printOpen(rig)
      throw new Error(`${open} deliveries do not end`)
    }
    await pass(500)
  }
}

print(`soak: ${minutes} minutes, seed ${seed}, ${perSecond} triggers a second, 2 webhooks`)
const rig = await startRig()
const stage = await openStage(rig, 'soak')
try {
  await rig.client.load({ eventName: 'soak', perSecond, forMs: WARM_UP_MS })
  await rig.settle()
  const before = held(stage)
  print('before', before)
  const endMs = performance.now() + minutes * 60_000
  const load = rig.client.load({
    eventName: 'soak',
    perSecond,
    forMs: minutes * 60_000,
    patienceMs: 120_000,
  })
  const played = await playFaults(stage, endMs)
  const acknowledged = await load
  const loadedMs = performance.now()
  await worksOff(rig)
  await rig.settle()
  print(`settled ${Math.round(performance.now() - loadedMs)} ms after the load`)
  const verdict = await rig.verdict('soak')
  print('played', played)
  print(`acknowledged triggers: ${acknowledged.length}`, verdict)
  print('after', await resourcesComeBack(stage, before))
  const sound = isSound(verdict, played)
  print(sound ? `sound (seed ${seed})` : `NOT SOUND (seed ${seed})`)
  process.exitCode = sound ? 0 : 1
} finally {
  await rig.stop()
  await stage.close()
}
