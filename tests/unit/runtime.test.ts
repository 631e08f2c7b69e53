import { MessageChannel } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { makeIds, makeRandom, systemClock } from '../../lib/wiring/runtime.ts'
import { makeManualClock } from '../support/fakes/manual-clock.ts'

test('ids rise in the order in which they are made, also within a millisecond', () => {
  const ids = makeIds(makeManualClock(), {
    fraction: () => 0,
    bytes: (count) => new Uint8Array(count),
  })
  expect([ids.message(), ids.message()]).toEqual([
    'msg_000000ygj00000000000000000',
    'msg_000000ygj00000000000000001',
  ])
  const real = makeIds(systemClock, makeRandom())
  const made = Array.from({ length: 5_000 }, real.webhook)
  expect(made).toEqual([...new Set(made)].sort())
})

test('random bytes are fresh from call to call', () => {
  const random = makeRandom()
  const blocks = Array.from({ length: 600 }, () => Buffer.from(random.bytes(16)).toString('hex'))
  expect(new Set(blocks).size).toBe(600)
  expect(random.fraction()).toBeLessThan(1)
})

test('a wait ends early when it is told to, and at once when it was told before', async () => {
  const stop = new AbortController()
  const startedMs = systemClock.elapsedMs()
  const waiting = systemClock.wait(60_000, stop.signal)
  stop.abort()
  await waiting
  await systemClock.wait(60_000, stop.signal)
  expect(systemClock.elapsedMs() - startedMs).toBeLessThan(1_000)
})

test('what runs after a while lets an answer that lies in a socket come first, and can be called off', async () => {
  const { port1, port2 } = new MessageChannel()
  const seen: string[] = []
  const message = new Promise<void>((resolve) => {
    port2.once('message', () => {
      seen.push('answer')
      resolve()
    })
  })
  const late = new Promise<void>((resolve) => {
    systemClock.after(5, () => {
      seen.push('late')
      resolve()
    })
  })
  const callOff = systemClock.after(5, () => seen.push('called off'))
  callOff()
  await new Promise((resolve) => setImmediate(resolve))
  port1.postMessage('answer')
  // The process is held up past the time, as it is on a busy machine.
  const untilMs = systemClock.elapsedMs() + 20
  while (systemClock.elapsedMs() < untilMs);
  await Promise.all([message, late])
  port1.close()
  expect(seen).toEqual(['answer', 'late'])
})
