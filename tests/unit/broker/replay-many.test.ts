import { describe, expect, it } from 'vitest'
import { makePatience } from '../../../lib/broker/patience.ts'
import type { BulkReplayStore, Replay, ReplayStep } from '../../../lib/broker/ports.ts'
import { makeReplayLoop } from '../../../lib/broker/replay-loop.ts'
import { makeReplayMany, makeRunReplays } from '../../../lib/broker/replay-many.ts'
import { BrokerError } from '../../../lib/domain/errors.ts'
import { makeFakeDeliveryQueue } from '../../support/fakes/delivery-queue.ts'
import { makeManualClock, settle } from '../../support/fakes/manual-clock.ts'
import { makeRecordingLog } from '../../support/fakes/recording-log.ts'
import { makeNumberedIds } from '../../support/fakes/sources.ts'

const batch = (ids: string[], finished = false): ReplayStep => ({
  kind: 'batch',
  replayId: 'rpl_1',
  deliveries: ids.map((deliveryId) => ({ deliveryId, generation: 1 })),
  finished,
})
const idle = (nextInMs: number | null): ReplayStep => ({ kind: 'idle', nextInMs })
const AWAY = new BrokerError('log_unavailable', 'away')

/** A store whose steps are told beforehand; when they are used up, nothing is running. */
const setUp = (steps: (ReplayStep | Error)[]) => {
  const clock = makeManualClock()
  const log = makeRecordingLog()
  const queue = makeFakeDeliveryQueue()
  const taken = { steps: 0 }
  const known = new Map<string, Replay>()
  const store: Omit<BulkReplayStore, 'missedNow'> = {
    count: (_tenant, { webhookId }) => Promise.resolve(webhookId === 'wh_none' ? undefined : 7),
    create: ({ id, filter }) => {
      if (filter.webhookId === 'wh_none') return Promise.resolve(undefined)
      const times = { createdAt: new Date(0), finishedAt: null }
      known.set(id, { id, filter, status: 'running', total: 7, replayed: 0, skipped: 0, ...times })
      return Promise.resolve(known.get(id))
    },
    running: () => Promise.resolve(steps.length > 0),
    find: (_tenant, id) => Promise.resolve(known.get(id)),
    step: () => {
      taken.steps += 1
      const next = steps.shift() ?? idle(null)
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next)
    },
  }
  const run = makeRunReplays({
    store,
    handOverAgain: queue.replace,
    queue,
    patience: makePatience({ clock, log }),
    clock,
    steps: () => undefined,
    log,
  })
  let started = 0
  const many = makeReplayMany({
    store,
    ids: makeNumberedIds(),
    run,
    started: () => (started += 1),
    log,
  })
  return { clock, log, queue, taken, run, many, started: () => started }
}

describe('running replays', () => {
  it('hands over what each batch began, until nothing is running', async () => {
    const { run, queue, log } = setUp([batch(['dlv_1', 'dlv_2']), batch(['dlv_3'], true)])
    expect(await run({ budgetMs: 1_000 })).toEqual({ replayed: 3, running: false })
    expect(queue.waiting()).toEqual(['dlv_1', 'dlv_2', 'dlv_3'])
    expect(log.lines.map(({ event }) => event)).toContain('replay.finished')
  })

  it('removes a job that waits for its retry, and adds one that is due now', async () => {
    const { run, queue } = setUp([batch(['dlv_1'], true)])
    await queue.enqueue([{ deliveryId: 'dlv_1', delayMs: 60_000 }])
    await run({ budgetMs: 1_000 })
    expect(queue.waiting()).toEqual(['dlv_1'])
  })

  it('waits for its turn, and stops when that lies beyond its time', async () => {
    const { run, clock, taken } = setUp([batch(['dlv_1']), idle(400), batch(['dlv_2']), idle(900)])
    const running = run({ budgetMs: 1_000 })
    await settle()
    expect(clock.waits()).toEqual([400])
    await clock.advance(400)
    expect(await running).toEqual({ replayed: 2, running: true })
    expect(taken.steps).toBe(4)
  })

  it('takes one batch even without time', async () => {
    const { run } = setUp([batch(['dlv_1']), batch(['dlv_2'])])
    expect(await run({ budgetMs: 0 })).toEqual({ replayed: 1, running: true })
  })

  it('leaves a crowded queue alone until it is less so', async () => {
    const { run, queue, clock, taken } = setUp([batch(['dlv_mine'], true)])
    const others = Array.from({ length: 2_001 }, (_, n) => ({ deliveryId: `dlv_${n}`, delayMs: 0 }))
    await queue.enqueue(others)
    const running = run({ budgetMs: 10_000 })
    await settle()
    expect(clock.waits()).toEqual([500])
    expect(taken.steps).toBe(0)
    queue.take()
    await clock.advance(500)
    expect(await running).toEqual({ replayed: 1, running: false })
    // Crowded as it is, nobody waits for it while nothing is to be replayed.
    expect(queue.waiting()).toHaveLength(2_001)
    expect(clock.waits()).toEqual([])
  })

  it('goes on without a queue that does not answer', async () => {
    const { queue, log, clock } = setUp([])
    const steps = [batch(['dlv_1'], true)]
    const run = makeRunReplays({
      store: {
        step: () => Promise.resolve(steps.shift() ?? idle(null)),
        running: () => Promise.resolve(true),
      },
      handOverAgain: () => Promise.reject(new BrokerError('queue_unavailable', 'away')),
      queue: {
        ...queue,
        waitingCount: () => Promise.reject(new BrokerError('queue_unavailable', 'away')),
      },
      patience: makePatience({ clock, log }),
      clock,
      steps: () => undefined,
      log,
    })
    expect(await run({ budgetMs: 1_000 })).toEqual({ replayed: 1, running: false })
  })
})

describe('starting a replay', () => {
  it('does the first batch, tells who goes on with it, and answers how it stands', async () => {
    const { many, queue, started } = setUp([batch(['dlv_1'])])
    const replay = await many.start('default', { status: 'dead' })
    expect(replay).toMatchObject({ id: `rpl_${'1'.padStart(26, '0')}`, status: 'running' })
    expect(queue.waiting()).toEqual(['dlv_1'])
    expect(started()).toBe(1)
    expect(await many.find('default', replay.id)).toEqual(replay)
  })

  it('is answered although the first batch failed: it is on record', async () => {
    const { many, started, log } = setUp([AWAY])
    expect(await many.start('default', { status: 'dead' })).toMatchObject({ status: 'running' })
    expect(started()).toBe(1)
    expect(log.lines.map(({ event }) => event)).toContain('replay.interrupted')
  })

  it('refuses a filter that would mean all, before anything is asked', async () => {
    const { many, taken, started } = setUp([])
    await expect(many.start('default', {})).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(many.count('default', { ids: [] })).rejects.toMatchObject({
      code: 'invalid_request',
    })
    expect([taken.steps, started()]).toEqual([0, 0])
  })

  it('is 404 where the webhook that missed something, or the replay, is not there', async () => {
    const { many } = setUp([])
    const filter = { webhookId: 'wh_none', missed: true } as const
    for (const asked of [
      many.start('default', filter),
      many.count('default', filter),
      many.find('default', 'rpl_x'),
    ]) {
      await expect(asked).rejects.toMatchObject({ code: 'not_found' })
    }
    expect(await many.count('default', { status: 'dead' })).toBe(7)
  })
})

describe('the loop of a process', () => {
  it('runs when it is woken, until nothing is running', async () => {
    const { run, clock, log, taken, queue } = setUp([batch(['dlv_1']), idle(400)])
    const loop = makeReplayLoop({ run, clock, log })
    loop.wake()
    loop.wake()
    await settle()
    expect(queue.waiting()).toEqual(['dlv_1'])
    expect(clock.waits()).toEqual([400])
    await clock.advance(400)
    // The second call asked for one more look.
    expect(taken.steps).toBe(4)
    loop.wake()
    await settle()
    expect(taken.steps).toBe(5)
    await loop.close()
  })

  it('tries again after a failure, and stops when it is told to', async () => {
    const { run, clock, log, queue } = setUp([AWAY, batch(['dlv_1']), idle(60_000)])
    const loop = makeReplayLoop({ run, clock, log })
    loop.wake()
    await settle()
    expect(clock.waits()).toEqual([5_000])
    await clock.advance(5_000)
    expect(queue.waiting()).toEqual(['dlv_1'])
    await loop.close()
    expect(clock.waits()).toEqual([])
  })
})
