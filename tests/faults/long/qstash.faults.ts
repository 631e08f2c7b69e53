// F17: QStash on its worst days, from a seed that is printed (QSTASH_SEED repeats a run): messages come twice, overtake
// each other, are lost, and are signed with a wrong key, an expired token, the next key or not at all.

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BrokerProcess } from '../../support/process.ts'
import {
  startFakeQstash,
  type FakeQstash,
  type QstashFaults,
  type Signature,
} from '../../support/fake-qstash.ts'
import { qstashEnv } from '../../support/qstash-kit.ts'
import { makeDice } from '../dice.ts'
import { print } from '../print.ts'
import { startRig, type Env, type Rig } from '../rig.ts'

const SEED = Number(process.env['QSTASH_SEED'] ?? Date.now() % 1_000_000)
const LONG = { timeout: 240_000 }

let rig: Rig
let qstash: FakeQstash
let env: Env
let api: BrokerProcess

const startApi = () => rig.start('api', { ...env, BROKER_LOG_LEVEL: 'warn' })

beforeAll(async () => {
  print(`F17: seed ${SEED}`)
  ;[rig, qstash] = await Promise.all([startRig(), startFakeQstash({ retryDelayMs: 500 })])
  env = {
    ...qstashEnv(qstash, `http://127.0.0.1:${rig.env['PORT'] ?? ''}`),
    // Longer than what QStash rounds to and than a message is late, so that the sweep asks for what is lost.
    BROKER_SWEEP_GRACE_MS: '4000',
    BROKER_SWEEP_INTERVAL_MS: '500',
  }
  ;[api] = await Promise.all([startApi(), rig.start('sweep', env)])
})

afterAll(async () => {
  await qstash.close()
  await rig.stop()
})

/** What happens to a message is decided once; how a call is signed, at each call. */
const worstDay = (seed: number): QstashFaults => {
  const dice = makeDice(seed)
  const percent = (share: number) => dice(100) < share
  return {
    drops: () => percent(1),
    duplicates: () => (percent(15) ? 1 + dice(2) : 0),
    lateMs: () => (percent(30) ? dice(2_000) : 0),
    signature: () => signatures[dice(100)] ?? 'current',
  }
}
const signatures: readonly Signature[] = [
  ...Array<Signature>(4).fill('wrong'),
  ...Array<Signature>(4).fill('expired'),
  ...Array<Signature>(2).fill('missing'),
  ...Array<Signature>(20).fill('next'),
]

const BAD: readonly Signature[] = ['wrong', 'expired', 'missing']
const badCalls = () => qstash.calls.filter(({ signature }) => BAD.includes(signature))
const goodCalls = () => qstash.calls.filter(({ signature }) => !BAD.includes(signature))

test(
  'F17: every delivery ends, each success once, and a bad signature is 401 and leaves no trace',
  LONG,
  async () => {
    qstash.faults = worstDay(SEED)
    await rig.webhooks('F17', { count: 2, behaviour: 'delayMs=30&failPercent=10' })
    await rig.client.load({ eventName: 'F17', perSecond: 15, forMs: 20_000 })
    await rig.settle({ timeoutMs: 120_000 })
    await qstash.idle(60_000)
    const verdict = await rig.verdict('F17')
    print('F17', {
      ...verdict,
      taken: qstash.taken.length,
      swallowed: qstash.swallowed.length,
      calls: qstash.calls.length,
      badlySigned: badCalls().length,
      byNextKey: qstash.calls.filter(({ signature }) => signature === 'next').length,
    })
    expect(verdict).toMatchObject({ accepted: 600, delivered: 600, dead: 0, lost: 0 })
    expect(verdict).toMatchObject({ duplicates: 0, late: 0, violations: [] })
    // The control: the day was a bad one, and each kind of it came.
    for (const signature of [...BAD, 'next']) {
      expect(qstash.calls.filter((call) => call.signature === signature)).not.toEqual([])
    }
    expect(badCalls().map(({ status }) => status)).toEqual(badCalls().map(() => 401))
    expect(goodCalls().map(({ status }) => status)).toEqual(goodCalls().map(() => 200))
  },
)

test(
  'F17: an API that is killed under load costs at most what was in flight, and QStash calls again',
  LONG,
  async () => {
    qstash.faults = worstDay(SEED + 1)
    await rig.webhooks('F17-killed', { count: 2, behaviour: 'delayMs=100' })
    const loading = rig.client.load({
      eventName: 'F17-killed',
      perSecond: 10,
      forMs: 12_000,
      patienceMs: 60_000,
    })
    await rig.receiver.waitFor('/F17-killed', 40, 60_000)
    const killed = await api.kill9()
    expect(killed.signal).toBe('SIGKILL')
    api = await startApi()
    await loading
    await rig.settle({ timeoutMs: 120_000 })
    await qstash.idle(60_000)
    const verdict = await rig.verdict('F17-killed')
    const unanswered = qstash.calls.filter(({ status }) => status === undefined).length
    print('F17, killed', { ...verdict, unanswered })
    expect(verdict).toMatchObject({ accepted: 240, delivered: 240, dead: 0, lost: 0 })
    expect(verdict.violations).toEqual([])
    expect(unanswered).toBeGreaterThan(0)
    // Twenty a second, of 100 ms each and a timeout of a second.
    expect(verdict.duplicates).toBeLessThanOrEqual(24)
  },
)
