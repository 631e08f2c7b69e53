import { describe, expect, test } from 'vitest'
import { makeBatcher, makeLane } from '../../../lib/domain/batcher.ts'
import { settle } from '../../support/fakes/manual-clock.ts'

const setUp = () => {
  const batches: { name: string; items: number[]; commit(): void; fail(): void }[] = []
  const lane = makeLane()
  const batcher = (name: string, shared = true) =>
    makeBatcher<number, number>({
      run: (items) =>
        new Promise((resolve, reject) => {
          const commit = () => {
            resolve(items.map((item) => item * 10))
          }
          const fail = () => {
            reject(new Error('away'))
          }
          batches.push({ name, items: [...items], commit, fail })
        }),
      maxItems: 100,
      failsForAll: () => true,
      ...(shared ? { lane } : {}),
    })
  const seen = () => batches.map(({ name, items }) => [name, ...items])
  return { batches, batcher, seen }
}

describe('batchers that share a lane', () => {
  test('start at once when nothing is under way', async () => {
    const { batcher, seen } = setUp()
    void batcher('claims').add(1)
    await Promise.resolve()
    expect(seen()).toEqual([['claims', 1]])
  })

  test('take turns, and each collects until its turn has come', async () => {
    const { batches, batcher, seen } = setUp()
    const [claims, results] = [batcher('claims'), batcher('results')]
    void claims.add(1)
    await settle()
    void results.add(2)
    await settle()
    void results.add(3)
    void claims.add(4)
    void results.add(5)
    await settle()
    expect(seen()).toEqual([['claims', 1]])
    batches[0]?.commit()
    await settle()
    expect(seen()).toEqual([
      ['claims', 1],
      ['results', 2, 3, 5],
    ])
    batches[1]?.commit()
    await settle()
    expect(seen().at(-1)).toEqual(['claims', 4])
  })

  test('go on after a batch that failed, which fails for its own callers alone', async () => {
    const { batches, batcher } = setUp()
    const failed = batcher('claims').add(1)
    await settle()
    const answered = batcher('results').add(2)
    batches[0]?.fail()
    await expect(failed).rejects.toThrow('away')
    await settle()
    batches[1]?.commit()
    expect(await answered).toBe(20)
  })

  test('do not hold up one that has no part in the lane', async () => {
    const { batcher, seen } = setUp()
    void batcher('claims').add(1)
    void batcher('accepts', false).add(2)
    await settle()
    expect(seen()).toEqual([
      ['claims', 1],
      ['accepts', 2],
    ])
  })
})
