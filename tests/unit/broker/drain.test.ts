// Where a bounded run gets its deliveries from, in which order it asks, and when it takes no more.

import { expect, it } from 'vitest'
import { makeDrain, type DrainDeps } from '../../../lib/broker/drain.ts'
import type { Taken } from '../../../lib/broker/ports.ts'
import { BrokerError } from '../../../lib/domain/errors.ts'
import { makeManualClock } from '../../support/fakes/manual-clock.ts'
import { makeRecordingLog } from '../../support/fakes/recording-log.ts'

const REMAINING_MS = 60_000
const away = () => Promise.reject(new BrokerError('queue_unavailable', 'no Redis'))

type Script = {
  holds?: () => Promise<boolean>
  abandoned?: string[]
  fromQueue?: Taken
  /** An attempt that takes for ever is under way. */
  hangs?: boolean
  due?: () => Promise<number>
  withoutQueue?: boolean
}

const DONE = { kind: 'done' } as const

const setUp = (script: Script = {}) => {
  const clock = makeManualClock()
  const calls: string[] = []
  const log = makeRecordingLog()
  const attempt = () =>
    script.hangs === true ? new Promise<never>(() => undefined) : Promise.resolve(DONE)
  let mayTake: () => boolean = () => true
  const queue: DrainDeps['queue'] = {
    port: {
      holdsIncarnation: script.holds ?? (() => Promise.resolve(true)),
      abandoned: () => Promise.resolve(script.abandoned ?? []),
      replace: (jobs) => {
        for (const { deliveryId } of jobs) calls.push(`replace ${deliveryId}`)
        return Promise.resolve()
      },
    },
    jobs: {
      takeAll: async (run) => {
        calls.push('queue')
        mayTake = run.mayTake
        if (script.hangs === true) await run.attempt('dlv_1')
        return script.fromQueue ?? { taken: 3, end: 'empty' }
      },
    },
  }
  const drain = makeDrain({
    queue: script.withoutQueue === true ? undefined : queue,
    kickMark: {
      clear: () => {
        calls.push('forget kick')
        return Promise.resolve()
      },
    },
    attempt,
    takeDue: async (may, during) => {
      calls.push('log')
      mayTake = may
      if (script.hangs === true) await Promise.all([during(attempt), during(attempt)])
      return (script.due ?? (() => Promise.resolve(2)))()
    },
    settled: () => {
      calls.push('settled')
      return Promise.resolve()
    },
    attemptMs: 20_000,
    clock,
    log,
  })
  return { clock, calls, log, drain, mayTake: () => mayTake() }
}

it('forgets the kick before the first fetch, so that no wake-up is lost', async () => {
  const { drain, calls } = setUp()
  expect(await drain(REMAINING_MS)).toEqual({
    source: 'queue',
    taken: 3,
    recovered: 0,
    end: 'empty',
    durationMs: 0,
  })
  expect(calls).toEqual(['forget kick', 'queue', 'settled'])
})

it('puts jobs back whose worker has died, before it takes any', async () => {
  const { drain, calls } = setUp({ abandoned: ['dlv_1', 'dlv_2'] })
  expect((await drain(REMAINING_MS)).recovered).toBe(2)
  expect(calls).toEqual(['forget kick', 'replace dlv_1', 'replace dlv_2', 'queue', 'settled'])
})

it('takes no more when only the longest attempt would still fit', async () => {
  const { drain, clock, mayTake } = setUp()
  await drain(REMAINING_MS)
  await clock.advance(39_999)
  expect(mayTake()).toBe(true)
  await clock.advance(1)
  expect(mayTake()).toBe(false)
})

it.each([
  ['is away', away],
  ['was emptied', () => Promise.resolve(false)],
])('takes what is due from Postgres when Redis %s', async (_, holds) => {
  const { drain, calls } = setUp({ holds })
  expect(await drain(REMAINING_MS)).toMatchObject({ source: 'log', taken: 2, end: 'empty' })
  expect(calls).toEqual(['forget kick', 'log', 'settled'])
})

it('goes on with Postgres when Redis goes away in the middle', async () => {
  const { drain, calls } = setUp({ fromQueue: { taken: 5, end: 'queue_unavailable' } })
  expect(await drain(REMAINING_MS)).toMatchObject({ source: 'log', taken: 7 })
  expect(calls).toEqual(['forget kick', 'queue', 'log', 'settled'])
})

it('leaves Postgres in peace when a job could not be claimed because it is away', async () => {
  const { drain, calls } = setUp({ fromQueue: { taken: 1, end: 'log_unavailable' } })
  expect(await drain(REMAINING_MS)).toMatchObject({ end: 'log_unavailable', taken: 1 })
  expect(calls).toEqual(['forget kick', 'queue', 'settled'])
})

it('reports a Postgres that is away, too, when there is no Redis', async () => {
  const due = () => Promise.reject(new BrokerError('log_unavailable', 'no Postgres'))
  const { drain } = setUp({ withoutQueue: true, due })
  expect(await drain(REMAINING_MS)).toMatchObject({ source: 'log', end: 'log_unavailable' })
})

it('hides no fault of ours behind an outage', async () => {
  const fault = () => Promise.reject(new Error('a fault'))
  await expect(setUp({ holds: fault }).drain(REMAINING_MS)).rejects.toThrow('a fault')
  const { drain } = setUp({ withoutQueue: true, due: fault })
  await expect(drain(REMAINING_MS)).rejects.toThrow('a fault')
})

it('says that the time was over, also when it took from Postgres', async () => {
  const set: ReturnType<typeof setUp> = setUp({
    withoutQueue: true,
    due: async () => {
      await set.clock.advance(40_000)
      return 1
    },
  })
  const { drain } = set
  expect(await drain(REMAINING_MS)).toMatchObject({ source: 'log', taken: 1, end: 'time' })
})

// Its claim waited ten seconds for Postgres, five were planned for: the platform ended the function, without a summary.
it.each([
  ['the queue', {}, { source: 'queue', taken: 1 }],
  ['Postgres', { withoutQueue: true }, { source: 'log', taken: 2 }],
] as const)(
  'ends in time without an attempt of %s that does not, and says so',
  async (_, script, told) => {
    const { drain, clock, log } = setUp({ ...script, hangs: true })
    const running = drain(REMAINING_MS)
    let over = false
    void running.finally(() => (over = true))
    await clock.advance(58_999)
    expect(over).toBe(false)
    await clock.advance(1)
    expect(await running).toEqual({ ...told, recovered: 0, end: 'cut', durationMs: 59_000 })
    expect(log.of('drain.cut')).toEqual([
      { underWay: told.taken, effect: 'the next run or the sweep repeats it' },
    ])
  },
)
