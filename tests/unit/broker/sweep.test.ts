import { describe, expect, test } from 'vitest'
import { due, known, many, setUpSweep } from '../../support/sweep-kit.ts'

const budgetMs = 20_000

describe('the sweep', () => {
  test('adds the jobs that Redis does not have, and leaves those that it has', async () => {
    const { sweep, queue } = await known(setUpSweep({ due: [due('dlv_a'), due('dlv_b')] }))
    await queue.enqueue([{ deliveryId: 'dlv_b', delayMs: 0 }])
    expect(await sweep({ budgetMs })).toMatchObject({
      found: { unqueued: 2 },
      probed: 2,
      requeued: 1,
      replaced: 0,
      redis: 'ok',
      complete: true,
    })
    expect(queue.waiting()).toEqual(['dlv_b', 'dlv_a'])
  })

  test('replaces a job that was asked for six times in vain: it may be in no list', async () => {
    const { sweep, queue } = await known(
      setUpSweep({ due: [due('dlv_a', { probes: 6 }), due('dlv_b', { probes: 5 })] }),
    )
    queue.orphan('dlv_a')
    queue.orphan('dlv_b')
    expect(await sweep({ budgetMs })).toMatchObject({ requeued: 0, replaced: 1 })
    expect(queue.waiting()).toEqual(['dlv_a'])
  })

  test('replaces the job of an expired lease, and asks for nothing that needs no job', async () => {
    const findings = ['in_flight', 'cancelled', 'crash_budget', 'parked'] as const
    const { sweep, queue } = await known(
      setUpSweep({
        due: [
          due('dlv_a', { finding: 'expired_lease', delayMs: 1_000 }),
          ...findings.map((finding) => due(`dlv_${finding}`, { finding })),
        ],
      }),
    )
    expect(await sweep({ budgetMs })).toMatchObject({
      found: {
        expired_lease: 1,
        in_flight: 1,
        cancelled: 1,
        crash_budget: 1,
        parked: 1,
        unqueued: 0,
      },
      probed: 0,
      requeued: 0,
      replaced: 1,
    })
    expect(await queue.present(['dlv_a', 'dlv_parked'])).toEqual([true, false])
  })

  test('gives back a job whose worker died', async () => {
    const { sweep, queue } = await known(setUpSweep({ due: [] }))
    await queue.enqueue([{ deliveryId: 'dlv_a', delayMs: 0 }])
    queue.loseLock(queue.take() ?? '')
    expect(await sweep({ budgetMs })).toMatchObject({ abandoned: 1 })
    expect(queue.waiting()).toEqual(['dlv_a'])
  })

  test('takes batch after batch until nothing is due', async () => {
    const { sweep } = await known(setUpSweep({ due: many(1_200) }))
    expect(await sweep({ budgetMs })).toMatchObject({ requeued: 1_200, complete: true })
  })

  test('ends when its time is up and says that it is not complete', async () => {
    const set = await known(setUpSweep({ due: many(1_200) }))
    expect(await set.sweep({ budgetMs: 0 })).toMatchObject({ requeued: 0, complete: false })
    expect(set.state.finished).toBe(1)
  })

  test('does not ask for every job of a long backlog, but for those that are overdue in it', async () => {
    // The first 10,000 are asked for one by one. After that the next job to be taken tells which ones wait behind it.
    const set = await known(
      setUpSweep({ due: [...many(10_000), ...many(400, 'dlv_x'), due('dlv_0_lost')] }),
    )
    await set.queue.enqueue(
      [...many(10_000), ...many(400, 'dlv_x')].map(({ deliveryId }) => ({
        deliveryId,
        delayMs: 0,
      })),
    )
    const summary = await set.sweep({ budgetMs })
    expect(summary).toMatchObject({ found: { unqueued: 10_401 }, probed: 10_000 })
    expect(summary.requeued).toBe(0)
  })

  test('asks for a lost one again once the backlog has passed it', async () => {
    const set = await known(setUpSweep({ due: [...many(10_000), due('dlv_000000_lost')] }))
    await set.queue.enqueue(
      [...many(10_000), due('dlv_9')].map(({ deliveryId }) => ({ deliveryId, delayMs: 0 })),
    )
    for (let n = 0; n < 10_000; n += 1) set.queue.finish(set.queue.take() ?? '')
    expect(await set.sweep({ budgetMs })).toMatchObject({ requeued: 10_001 })
  })

  test('takes at most 100,000 in a run', async () => {
    const set = await known(setUpSweep({ due: many(100_500) }))
    expect(await set.sweep({ budgetMs })).toMatchObject({
      found: { unqueued: 100_000 },
      complete: false,
    })
  })

  test('removes what is past the retention, batch after batch', async () => {
    const { sweep, state } = await known(setUpSweep({ due: [], pruned: [500, 500, 3] }))
    expect(await sweep({ budgetMs })).toMatchObject({ pruned: 1_003 })
    // 29 days before 2 March: the end of the scan lies a day later than what is removed.
    expect(state.beforeIds[0]).toBe('msg_01kgb7zk000000000000000000')
    // Each begins where the one before it ended.
    expect(state.afterIds).toEqual([undefined, 'msg_1', 'msg_2'])
  })

  test('stops removing when its time is up', async () => {
    const { sweep } = await known(setUpSweep({ due: [], pruned: [500, 500] }))
    expect(await sweep({ budgetMs: 0 })).toMatchObject({ pruned: 500 })
  })
})
