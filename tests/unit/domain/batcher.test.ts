import { describe, expect, test } from 'vitest'
import { makeBatcher, type BatcherOptions } from '../../../lib/domain/batcher.ts'
import { settle } from '../../support/fakes/manual-clock.ts'

const setUp = (options: Partial<BatcherOptions<number, number>> = {}) => {
  const batches: { items: number[]; commit(): void; fail(): void }[] = []
  const batcher = makeBatcher<number, number>({
    run: (items) =>
      new Promise((resolve, reject) => {
        const commit = () => {
          resolve(items.map((item) => item * 10))
        }
        const fail = () => {
          reject(new Error('away'))
        }
        batches.push({ items: [...items], commit, fail })
      }),
    maxItems: 3,
    failsForAll: () => true,
    ...options,
  })
  return { batches, batcher, seen: () => batches.map(({ items }) => items) }
}

describe('a batcher', () => {
  test('starts at once when nothing is under way', async () => {
    const { batcher, seen } = setUp()
    void batcher.add(1)
    await Promise.resolve()
    expect(seen()).toEqual([[1]])
  })

  test('lets those that come in one turn share even the first batch', async () => {
    const { batcher, seen } = setUp()
    void batcher.add(1)
    void batcher.add(2)
    await Promise.resolve()
    expect(seen()).toEqual([[1, 2]])
  })

  test('collects what comes while a batch is under way, up to its size', async () => {
    const { batches, batcher, seen } = setUp()
    const first = batcher.add(1)
    await settle()
    for (const item of [2, 3, 4, 5]) void batcher.add(item)
    await settle()
    expect(seen()).toEqual([[1]])
    batches[0]?.commit()
    expect(await first).toBe(10)
    await settle()
    expect(seen()).toEqual([[1], [2, 3, 4]])
    batches[1]?.commit()
    await settle()
    expect(seen()).toEqual([[1], [2, 3, 4], [5]])
  })

  test('waits before each batch for as long as it is told, by what the one before it held', async () => {
    const asked: number[] = []
    const ready: (() => void)[] = []
    const { batches, batcher, seen } = setUp({
      gather: (before) => {
        asked.push(before)
        return new Promise((resolve) => ready.push(resolve))
      },
    })
    void batcher.add(1)
    await settle()
    void batcher.add(2)
    expect(seen()).toEqual([])
    ready[0]?.()
    await settle()
    void batcher.add(3)
    batches[0]?.commit()
    await settle()
    ready[1]?.()
    await settle()
    expect(seen()).toEqual([[1, 2], [3]])
    expect(asked).toEqual([0, 2])
  })

  test('keeps two of one key out of one batch', async () => {
    const { batches, batcher, seen } = setUp({ keyOf: (item) => String(item % 10) })
    for (const item of [1, 11, 2]) void batcher.add(item)
    await settle()
    batches[0]?.commit()
    await settle()
    expect(seen()).toEqual([[1, 2], [11]])
  })

  test('bounds a batch by weight, but for one that is too heavy by itself', async () => {
    const { batches, batcher, seen } = setUp({ weight: { of: (item) => item, max: 10 } })
    for (const item of [6, 4, 1, 50]) void batcher.add(item)
    for (const index of [0, 1, 2]) {
      await settle()
      batches[index]?.commit()
    }
    expect(seen()).toEqual([[6, 4], [1], [50]])
  })

  test('goes on after a batch that failed, which fails for its own callers alone', async () => {
    const { batches, batcher } = setUp()
    const failed = batcher.add(1)
    await settle()
    const answered = batcher.add(2)
    batches[0]?.fail()
    await expect(failed).rejects.toThrow('away')
    await settle()
    batches[1]?.commit()
    expect(await answered).toBe(20)
  })

  test('runs a batch item by item when the fault may be that of one item', async () => {
    const { batches, batcher, seen } = setUp({ failsForAll: () => false })
    const answers = Promise.allSettled([batcher.add(1), batcher.add(2)])
    await settle()
    batches[0]?.fail()
    await settle()
    batches[1]?.fail()
    await settle()
    batches[2]?.commit()
    expect(seen()).toEqual([[1, 2], [1], [2]])
    expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
  })

  test('is idle when nothing waits and nothing is under way', async () => {
    const { batches, batcher } = setUp()
    await batcher.idle()
    void batcher.add(1)
    let idle = false
    void batcher.idle().then(() => {
      idle = true
    })
    await settle()
    expect(idle).toBe(false)
    batches[0]?.commit()
    await settle()
    expect(idle).toBe(true)
  })
})
