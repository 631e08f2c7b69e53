// The kick alone: what is asked, in which order, and what happens when Redis or the invocation does not answer.

import { describe, expect, test } from 'vitest'
import { makeKick, triggerThenKick, type KickDeps } from '../../../lib/broker/kick.ts'
import { makePatience } from '../../../lib/broker/patience.ts'
import { makeManualClock } from '../../support/fakes/manual-clock.ts'
import { makeRecordingLog } from '../../support/fakes/recording-log.ts'

const never = () => new Promise<never>(() => undefined)

const setUp = (change: Partial<KickDeps> = {}) => {
  const clock = makeManualClock()
  const log = makeRecordingLog()
  const calls: string[] = []
  let held: string | undefined
  let tokens = 0
  const kick = makeKick({
    mark: {
      set: (token) => {
        calls.push(`set ${token}`)
        held ??= token
        return Promise.resolve(held === token)
      },
      withdraw: (token) => {
        calls.push(`withdraw ${token}`)
        if (held === token) held = undefined
        return Promise.resolve()
      },
      clear: () => Promise.resolve(),
    },
    invoke: () => {
      calls.push('invoke')
      return Promise.resolve()
    },
    makeToken: () => `t${(tokens += 1)}`,
    patience: makePatience({ clock, log }),
    clock,
    log,
    ...change,
  })
  return { clock, log, calls, kick }
}

describe('a kick', () => {
  test('sets the mark, then invokes', async () => {
    const { kick, calls } = setUp()
    await kick()
    expect(calls).toEqual(['set t1', 'invoke'])
  })

  test('does nothing while a mark stands: that drain has not looked yet', async () => {
    const { kick, calls } = setUp()
    await kick()
    await kick()
    expect(calls).toEqual(['set t1', 'invoke', 'set t2'])
  })

  test('takes its mark back when the invocation fails, so that the next one tries again', async () => {
    const { kick, calls, log } = setUp({ invoke: () => Promise.reject(new Error('throttled')) })
    await kick()
    await kick()
    expect(calls).toEqual(['set t1', 'withdraw t1', 'set t2', 'withdraw t2'])
    expect(log.of('kick.failed')).toHaveLength(2)
    expect(log.lines[0]?.level).toBe('warn')
  })

  test('gives up an invocation after 500 ms, tells it so, and takes its mark back', async () => {
    let signal: AbortSignal | undefined
    const { kick, calls, clock } = setUp({
      invoke: (given) => {
        signal = given
        return never()
      },
    })
    const done = kick()
    await clock.advance(499)
    expect([calls, signal?.aborted]).toEqual([['set t1'], false])
    await clock.advance(1)
    await done
    expect([calls, signal?.aborted]).toEqual([['set t1', 'withdraw t1'], true])
  })

  test('leaves no wait behind', async () => {
    const { kick, clock } = setUp()
    await kick()
    expect(clock.waits()).toEqual([])
  })

  test('does not invoke when Redis fails: there would be a drain for every trigger', async () => {
    const invoked: string[] = []
    const { kick } = setUp({
      mark: { set: () => Promise.reject(new Error('away')), withdraw: never, clear: never },
      invoke: () => {
        invoked.push('invoke')
        return Promise.resolve()
      },
    })
    await kick()
    expect(invoked).toEqual([])
  })

  test('waits 300 ms for a Redis that does not answer, and not at all after two times', async () => {
    let asked = 0
    const { kick, clock } = setUp({
      mark: {
        set: () => {
          asked += 1
          return never()
        },
        withdraw: never,
        clear: never,
      },
    })
    for (let n = 0; n < 2; n += 1) {
      const done = kick()
      await clock.advance(300)
      await done
    }
    await kick()
    expect(asked).toBe(2)
    expect(clock.elapsedMs()).toBe(600)
  })

  test('does nothing in a broker without Redis', async () => {
    const { kick, calls } = setUp({ mark: undefined })
    await kick()
    expect(calls).toEqual([])
  })
})

describe('a trigger that kicks', () => {
  const input = {
    tenant: 'default',
    eventName: 'e',
    contentType: undefined,
    body: new Uint8Array(),
    idempotencyKey: undefined,
    traceparent: null,
  }
  const answering = (deliveries: number) => {
    const order: string[] = []
    const trigger = triggerThenKick(
      () => {
        order.push('trigger')
        return Promise.resolve({ messageId: 'msg_1', eventName: 'e', deliveries })
      },
      () => {
        order.push('kick')
        return Promise.resolve()
      },
    )
    return { order, trigger }
  }

  test('does so after it has accepted and enqueued, and answers the same', async () => {
    const { order, trigger } = answering(2)
    expect(await trigger(input)).toEqual({ messageId: 'msg_1', eventName: 'e', deliveries: 2 })
    expect(order).toEqual(['trigger', 'kick'])
  })

  test('does not when there is nothing to deliver', async () => {
    const { order, trigger } = answering(0)
    await trigger(input)
    expect(order).toEqual(['trigger'])
  })

  test('does not when it was refused, and rejects the same', async () => {
    const kicks: string[] = []
    const trigger = triggerThenKick(
      () => Promise.reject(new Error('refused')),
      () => {
        kicks.push('kick')
        return Promise.resolve()
      },
    )
    await expect(trigger(input)).rejects.toThrow('refused')
    expect(kicks).toEqual([])
  })
})
