// The direct dispatcher with a clock that stands still: what it claims, when it asks, and how it stops.

import { beforeEach, describe, expect, it } from 'vitest'
import type { Claim, NeedsTurn } from '../../../lib/broker/ports.ts'
import { startDirect, type DirectDispatcher } from '../../../lib/queue/direct.ts'
import { makeManualClock, settle, type ManualClock } from '../../support/fakes/manual-clock.ts'
import { makeMemoryLog } from '../../support/redis-kit.ts'

// The dispatcher reads no more of a claim than its id.
const claimOf = (id: string) => ({ deliveryId: id }) as Claim

let clock: ManualClock
let log: ReturnType<typeof makeMemoryLog>
/** What is due in the database, oldest first. */
let due: string[]
/** How many were asked for, in each round. */
let asked: number[]
let failing: boolean
/** What is due, and stays so until its turn is taken. */
let limited: NeedsTurn[]
let running: Map<string, () => void>
let started: { id: string; startedMs: number }[]

const start = (concurrency: number): DirectDispatcher =>
  startDirect({
    claimDue: (slots) => {
      asked.push(slots)
      if (failing) return Promise.reject(new Error('no Postgres'))
      const claims = due.splice(0, slots).map(claimOf)
      return Promise.resolve({ claims, startedMs: clock.elapsedMs(), needTurn: limited })
    },
    run: ({ deliveryId }, startedMs) => {
      started.push({ id: deliveryId, startedMs })
      return new Promise<void>((resolve) => running.set(deliveryId, resolve))
    },
    runInTurn: ({ deliveryId }) => new Promise<void>((resolve) => running.set(deliveryId, resolve)),
    concurrency,
    pollMs: 500,
    clock,
    log,
  })

const end = async (...ids: string[]) => {
  for (const id of ids) running.get(id)?.()
  await settle()
}

beforeEach(() => {
  clock = makeManualClock()
  log = makeMemoryLog()
  due = []
  asked = []
  failing = false
  limited = []
  running = new Map()
  started = []
})

describe('the direct dispatcher', () => {
  it('asks for nothing until it is told to, and every 500 ms from then on', async () => {
    const direct = start(4)
    direct.wake()
    await clock.advance(10_000)
    expect(asked).toEqual([])
    direct.resume()
    await clock.advance(0)
    expect(asked).toEqual([4])
    await clock.advance(499)
    expect(asked).toEqual([4])
    await clock.advance(1)
    expect(asked).toEqual([4, 4])
    await direct.close()
  })

  it('asks at once when it is woken', async () => {
    const direct = start(4)
    direct.resume()
    await clock.advance(100)
    due.push('a')
    direct.wake()
    await clock.advance(0)
    expect(started).toEqual([{ id: 'a', startedMs: 100 }])
    await end('a')
    await direct.close()
  })

  // Postgres may have looked before the delivery was committed: the wake must lead to another look.
  it('does not lose a wake that comes while it asks', async () => {
    const answers: ((found: { claims: Claim[]; startedMs: number; needTurn: [] }) => void)[] = []
    const direct = startDirect({
      claimDue: () => new Promise((resolve) => answers.push(resolve)),
      run: () => Promise.resolve(),
      runInTurn: () => Promise.resolve(),
      concurrency: 4,
      pollMs: 500,
      clock,
      log,
    })
    direct.resume()
    await clock.advance(0)
    answers[0]?.({ claims: [], startedMs: 0, needTurn: [] })
    await clock.advance(500)
    expect(answers).toHaveLength(2)
    direct.wake()
    answers[1]?.({ claims: [], startedMs: 0, needTurn: [] })
    await clock.advance(0)
    expect(answers).toHaveLength(3)
    const closed = direct.close()
    answers[2]?.({ claims: [], startedMs: 0, needTurn: [] })
    await closed
  })

  it('never claims more than it can send at once, and follows a full round with the next', async () => {
    due = ['a', 'b', 'c', 'd', 'e', 'f']
    const direct = start(4)
    direct.resume()
    await clock.advance(0)
    expect(started.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd'])
    await clock.advance(5_000)
    expect(asked).toEqual([4])
    await end('b')
    await clock.advance(0)
    expect(asked).toEqual([4, 1])
    expect(started.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd', 'e'])
    await end('a', 'c', 'd', 'e')
    await clock.advance(0)
    expect(started.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    await end('f')
    await direct.close()
  })

  it('asks less and less often while Postgres is away, at most every 5 s, and says so once', async () => {
    failing = true
    const direct = start(4)
    direct.resume()
    await clock.advance(0)
    const delays: (number | undefined)[] = []
    for (let n = 0; n < 6; n += 1) {
      const [delayMs] = clock.waits()
      delays.push(delayMs)
      await clock.advance(delayMs ?? 0)
    }
    expect(delays).toEqual([1_000, 2_000, 4_000, 5_000, 5_000, 5_000])
    expect(log.events()).toEqual(['direct.postponed'])
    failing = false
    due.push('a')
    await clock.advance(5_000)
    expect(started.map(({ id }) => id)).toEqual(['a'])
    expect(clock.waits()).toEqual([500])
    await end('a')
    await direct.close()
  })

  it('goes on until a round is empty when it is told to finish', async () => {
    due = ['a', 'b', 'c']
    const direct = start(2)
    direct.resume()
    await clock.advance(0)
    direct.finish()
    await end('a', 'b')
    await clock.advance(500)
    expect(started.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    await end('c')
    await clock.advance(500)
    const rounds = asked.length
    due.push('d')
    direct.wake()
    await clock.advance(10_000)
    expect(asked).toHaveLength(rounds)
    // The control: it is only at rest, and takes what is due when it is told to go on.
    direct.resume()
    await clock.advance(0)
    expect(started.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd'])
    await end('d')
    await direct.close()
  })

  it('goes on when it is told to resume while it finishes', async () => {
    const direct = start(2)
    direct.resume()
    await clock.advance(0)
    direct.finish()
    direct.resume()
    await clock.advance(5_000)
    due.push('a')
    await clock.advance(500)
    expect(started.map(({ id }) => id)).toEqual(['a'])
    await end('a')
    await direct.close()
  })

  it('lets one that needs a turn ask for it once, however often it is found', async () => {
    limited = [{ deliveryId: 'limited', webhookId: 'wh_1', rateLimit: { limit: 1, perSeconds: 1 } }]
    const direct = start(4)
    direct.resume()
    await clock.advance(1_000)
    expect(asked).toEqual([4, 3, 3, 3])
    expect([...running.keys()]).toEqual(['limited'])
    limited = []
    await end('limited')
    await clock.advance(500)
    expect(asked.at(-1)).toBe(4)
    await direct.close()
  })

  it('goes on after an attempt that failed to be made, and frees its slot', async () => {
    due = ['bad', 'good']
    const done: string[] = []
    const direct = startDirect({
      claimDue: (slots) =>
        Promise.resolve({ claims: due.splice(0, slots).map(claimOf), startedMs: 0, needTurn: [] }),
      run: ({ deliveryId }) => {
        if (deliveryId === 'bad') return Promise.reject(new Error('a fault of ours'))
        done.push(deliveryId)
        return Promise.resolve()
      },
      runInTurn: () => Promise.resolve(),
      concurrency: 1,
      pollMs: 500,
      clock,
      log,
    })
    direct.resume()
    await clock.advance(500)
    expect(done).toEqual(['good'])
    expect(log.lines).toMatchObject([
      { level: 'error', event: 'attempt.failed', fields: { deliveryId: 'bad' } },
    ])
    await direct.close()
  })

  it('takes nothing more when it is closed, and waits for what is under way', async () => {
    due = ['a']
    const direct = start(4)
    direct.resume()
    await clock.advance(0)
    let closed = false
    const closing = direct.close().then(() => {
      closed = true
    })
    due.push('b')
    direct.resume()
    await clock.advance(10_000)
    expect(closed).toBe(false)
    await end('a')
    await closing
    expect(closed).toBe(true)
    expect(started.map(({ id }) => id)).toEqual(['a'])
    expect(due).toEqual(['b'])
  })
})
