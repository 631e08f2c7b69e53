import { describe, expect, test } from 'vitest'
import { rememberRoutes } from '../../../lib/broker/remembered-routes.ts'
import type { Route } from '../../../lib/broker/ports.ts'
import { makeManualClock } from '../../support/fakes/manual-clock.ts'

describe('look-ups of the same moment', () => {
  const setUp = () => {
    const asked: { key: string; answer(route: Route | undefined): void; fail(): void }[] = []
    const routing = {
      lookup: (tenant: string, eventName: string) =>
        new Promise<Route | undefined>((resolve, reject) => {
          const fail = () => {
            reject(new Error('away'))
          }
          asked.push({ key: `${tenant}/${eventName}`, answer: resolve, fail })
        }),
    }
    const { lookup } = rememberRoutes(routing, makeManualClock())
    return { asked, lookup }
  }

  test('of one event are one question with one answer', async () => {
    const { asked, lookup } = setUp()
    const answers = [lookup('default', 'a'), lookup('default', 'a'), lookup('default', 'a')]
    expect(asked.map(({ key }) => key)).toEqual(['default/a'])
    asked[0]?.answer({ version: 3, urls: ['http://u'] })
    expect(await Promise.all(answers)).toEqual([
      { version: 3, urls: ['http://u'] },
      { version: 3, urls: ['http://u'] },
      { version: 3, urls: ['http://u'] },
    ])
  })

  test('of other events and tenants are questions of their own, and none waits for another', async () => {
    const { asked, lookup } = setUp()
    void lookup('default', 'a')
    const second = lookup('default', 'b')
    void lookup('other', 'a')
    expect(asked.map(({ key }) => key)).toEqual(['default/a', 'default/b', 'other/a'])
    asked[1]?.answer(undefined)
    expect(await second).toBeUndefined()
  })

  test('are asked anew once they are answered, and after a failure', async () => {
    const { asked, lookup } = setUp()
    const failed = [lookup('default', 'a'), lookup('default', 'a')]
    asked[0]?.fail()
    await expect(failed[0]).rejects.toThrow('away')
    await expect(failed[1]).rejects.toThrow('away')
    const again = lookup('default', 'a')
    expect(asked).toHaveLength(2)
    asked[1]?.answer(undefined)
    expect(await again).toBeUndefined()
  })
})

describe('a route', () => {
  /** @param answers what Redis says, in order */
  const setUp = (...answers: (Route | undefined)[]) => {
    const clock = makeManualClock()
    let asked = 0
    const routes = rememberRoutes({ lookup: () => Promise.resolve(answers[asked++]) }, clock)
    return { clock, routes }
  }
  const many = (count: number) => Array.from({ length: count }, (_, n) => `http://u/${n}`)

  test('that was never asked for is not known', () => {
    expect(setUp().routes.recall('default', 'a')).toBeUndefined()
  })

  test('is remembered for a second, for its tenant and event', async () => {
    const { clock, routes } = setUp({ version: 3, urls: ['http://u'] })
    await routes.lookup('default', 'a')
    await clock.advance(999)
    expect(routes.recall('default', 'a')).toEqual({ version: 3, urls: ['http://u'] })
    expect(routes.recall('default', 'b')).toBeUndefined()
    expect(routes.recall('other', 'a')).toBeUndefined()
    await clock.advance(1)
    expect(routes.recall('default', 'a')).toBeUndefined()
  })

  test('that is asked for again is remembered as it is now, for a second from now', async () => {
    const { clock, routes } = setUp({ version: 3, urls: ['http://u'] }, { version: 4, urls: ['v'] })
    await routes.lookup('default', 'a')
    await clock.advance(600)
    await routes.lookup('default', 'a')
    await clock.advance(999)
    expect(routes.recall('default', 'a')).toEqual({ version: 4, urls: ['v'] })
  })

  test('without a version or without URLs is not remembered', async () => {
    const { routes } = setUp(undefined, { version: 3, urls: [] })
    await routes.lookup('default', 'a')
    await routes.lookup('default', 'b')
    expect(routes.recall('default', 'a')).toBeUndefined()
    expect(routes.recall('default', 'b')).toBeUndefined()
  })

  test('is forgotten alone', async () => {
    const { routes } = setUp({ version: 3, urls: ['http://u'] }, { version: 3, urls: ['v'] })
    await routes.lookup('default', 'a')
    await routes.lookup('default', 'b')
    routes.forget('default', 'a')
    routes.forget('default', 'never asked for')
    expect(routes.recall('default', 'a')).toBeUndefined()
    expect(routes.recall('default', 'b')).toEqual({ version: 3, urls: ['v'] })
  })

  test('gives way when 10,000 URLs are remembered, however often they were asked for', async () => {
    const { routes } = setUp(
      { version: 1, urls: many(6_000) },
      { version: 2, urls: many(6_000) },
      { version: 3, urls: many(4_000) },
      { version: 4, urls: ['http://u'] },
    )
    await routes.lookup('default', 'a')
    await routes.lookup('default', 'a')
    await routes.lookup('default', 'b')
    expect(routes.recall('default', 'a')?.version).toBe(2)
    expect(routes.recall('default', 'b')?.version).toBe(3)
    await routes.lookup('default', 'c')
    expect(routes.recall('default', 'a')).toBeUndefined()
    expect(routes.recall('default', 'b')).toBeUndefined()
    expect(routes.recall('default', 'c')?.version).toBe(4)
  })

  test('of more than 10,000 URLs is not remembered, and nothing gives way to it', async () => {
    const { routes } = setUp({ version: 1, urls: ['http://u'] }, { version: 1, urls: many(10_001) })
    await routes.lookup('default', 'a')
    await routes.lookup('default', 'b')
    expect(routes.recall('default', 'a')?.version).toBe(1)
    expect(routes.recall('default', 'b')).toBeUndefined()
  })
})
