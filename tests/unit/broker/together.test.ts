import { describe, expect, test } from 'vitest'
import { handOverTogether } from '../../../lib/broker/together.ts'
import type { HandOver } from '../../../lib/broker/ports.ts'
import { settle } from '../../support/fakes/manual-clock.ts'

const job = (deliveryId: string) => ({ deliveryId, generation: 0, delayMs: 0 })

describe('jobs of the same moment', () => {
  const setUp = () => {
    const calls: { ids: string[]; done(): void; fail(): void }[] = []
    const handOver: HandOver = handOverTogether(
      (jobs) =>
        new Promise((resolve, reject) => {
          const fail = () => {
            reject(new Error('away'))
          }
          calls.push({ ids: jobs.map(({ deliveryId }) => deliveryId), done: resolve, fail })
        }),
    )
    return { calls, handOver }
  }

  test('of a trigger that comes alone go at once', async () => {
    const { calls, handOver } = setUp()
    const first = handOver([job('dlv_1'), job('dlv_2')])
    await settle()
    expect(calls.map(({ ids }) => ids)).toEqual([['dlv_1', 'dlv_2']])
    calls[0]?.done()
    await first
  })

  test('that come while others are on their way go together after them', async () => {
    const { calls, handOver } = setUp()
    void handOver([job('dlv_1')])
    await settle()
    const later = [handOver([job('dlv_2')]), handOver([job('dlv_3')])]
    await settle()
    expect(calls).toHaveLength(1)
    calls[0]?.done()
    await settle()
    expect(calls.map(({ ids }) => ids)).toEqual([['dlv_1'], ['dlv_2', 'dlv_3']])
    calls[1]?.done()
    await Promise.all(later)
  })

  test('fail together, without being tried one by one', async () => {
    const { calls, handOver } = setUp()
    const failed = [handOver([job('dlv_1')]), handOver([job('dlv_2')])]
    await settle()
    calls[0]?.fail()
    await expect(failed[0]).rejects.toThrow('away')
    await expect(failed[1]).rejects.toThrow('away')
    expect(calls.map(({ ids }) => ids)).toEqual([['dlv_1', 'dlv_2']])
  })

  test('are at most a thousand in one call, unless they belong to one trigger', async () => {
    const { calls, handOver } = setUp()
    const many = (count: number) => Array.from({ length: count }, (_, n) => job(`dlv_${n}`))
    void handOver(many(600))
    void handOver(many(600))
    void handOver(many(2_500))
    for (let n = 0; n < 3; n += 1) {
      await settle()
      calls[n]?.done()
    }
    expect(calls.map(({ ids }) => ids.length)).toEqual([600, 600, 2_500])
  })
})
