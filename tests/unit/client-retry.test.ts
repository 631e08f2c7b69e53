// How long the client waits before it repeats a request, with a clock that does not run.

import { describe, expect, it } from 'vitest'
import { DEFAULT_RETRY, retryAfterMs, retryingFetch, type RetryPorts } from '../../client/retry.ts'

describe('the waits between tries', () => {
  /** The waits, and how many requests were made. */
  const waitsOf = async (responses: Response[], fraction = 0) => {
    const waits: number[] = []
    const left = [...responses]
    const ports: RetryPorts = {
      fetch: () => Promise.resolve(left.shift() ?? new Response(null, { status: 200 })),
      wait: (delayMs) => {
        waits.push(delayMs)
        return Promise.resolve()
      },
      fraction: () => fraction,
      nowMs: () => Date.parse('2026-01-31T12:00:00Z'),
    }
    const response = await retryingFetch(DEFAULT_RETRY, ports)(new Request('http://broker.test/'))
    return { waits, status: response.status }
  }
  const busy = (retryAfter?: string) =>
    new Response(null, {
      status: 503,
      headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
    })

  it('double, and are shortened by up to a half at random', async () => {
    const four = [busy(), busy(), busy(), busy()]
    expect(await waitsOf(four)).toEqual({ waits: [200, 400, 800, 1600], status: 200 })
    expect((await waitsOf(four, 0.5)).waits).toEqual([150, 300, 600, 1200])
  })

  it('are as long as Retry-After asks, in seconds or until a date, and never shorter for it', async () => {
    expect((await waitsOf([busy('3')])).waits).toEqual([3000])
    expect((await waitsOf([busy('Sat, 31 Jan 2026 12:00:07 GMT')])).waits).toEqual([7000])
    expect((await waitsOf([busy('0')])).waits).toEqual([200])
    expect((await waitsOf([busy('soon')])).waits).toEqual([200])
  })

  it('end with the answer itself when Retry-After asks for more than the longest wait', async () => {
    expect(await waitsOf([busy('11')])).toEqual({ waits: [], status: 503 })
  })

  it('read no date out of a number with a sign', () => {
    expect(retryAfterMs('-1', 0)).toBeUndefined()
    expect(retryAfterMs('1.5', 0)).toBeUndefined()
    expect(retryAfterMs('Thu, 01 Jan 1970 00:00:00 GMT', 5_000)).toBe(0)
  })
})
