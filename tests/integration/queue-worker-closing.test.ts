// A real worker that is told to stop: what it waits for, what it leaves, and that it never hangs.

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BrokerError } from '../../lib/domain/errors.ts'
import { deliveryId, jobsOf } from '../support/redis-kit.ts'
import { waitUntil } from '../support/wait.ts'
import { DONE, makeGate, startWorkerKit, type WorkerKit } from '../support/worker-kit.ts'

const [a, b, c] = [deliveryId(1), deliveryId(2), deliveryId(3)]

let kit: WorkerKit

beforeEach(async () => {
  kit = await startWorkerKit()
})

afterEach(() => kit.close())

describe('closing', () => {
  it('waits for the attempt under way and records its end, and takes nothing new', async () => {
    const gate = makeGate()
    const worker = kit.work(() => gate.opened.then(() => DONE), { concurrency: 1 })
    await kit.queue.enqueue(jobsOf([a, b]))
    await kit.attempted(a)
    let closed = false
    const closing = worker.close(10_000).then(() => {
      closed = true
    })
    await kit.queue.enqueue(jobsOf([c]))
    expect(closed).toBe(false)
    gate.open()
    await closing
    expect(await kit.queue.present([a, b, c])).toEqual([false, true, true])
    expect(kit.attempts.map(({ id }) => id)).toEqual([a])
    expect(await kit.queue.abandoned()).toEqual([])
    // The control: both wait for whoever takes them next.
    kit.work(() => DONE)
    await kit.gone(b)
    await kit.gone(c)
  })

  it('brings a retry back later, when the last attempt asked for one', async () => {
    const gate = makeGate()
    const worker = kit.work(() =>
      gate.opened.then(() => ({ kind: 'retry', delayMs: 100, generation: 1 })),
    )
    await kit.queue.enqueue(jobsOf([a]))
    await kit.attempted(a)
    const closing = worker.close(10_000)
    gate.open()
    await closing
    expect(kit.attemptsOf(a)).toHaveLength(1)
    kit.work(() => DONE)
    await kit.gone(a)
    expect(kit.attemptsOf(a)).toHaveLength(2)
  })

  it('gives up an attempt that does not end in time, and leaves its job to be found', async () => {
    const gate = makeGate()
    const worker = kit.work(() => gate.opened.then(() => DONE), { attemptMs: 100 })
    await kit.queue.enqueue(jobsOf([a]))
    await kit.attempted(a)
    const startedMs = performance.now()
    await worker.close(300)
    expect(performance.now() - startedMs).toBeLessThan(1_500)
    await waitUntil(async () => (await kit.queue.abandoned()).length > 0, {
      message: 'the lock gone',
    })
    expect(await kit.queue.abandoned()).toEqual([a])
    gate.open()
  })

  it('while Postgres is away puts the job back', async () => {
    const worker = kit.work(() => {
      throw new BrokerError('log_unavailable', 'no Postgres')
    })
    await kit.queue.enqueue(jobsOf([a]))
    await kit.attempted(a)
    await worker.close(5_000)
    expect(await kit.queue.present([a])).toEqual([true])
    expect(await kit.queue.abandoned()).toEqual([])
    kit.work(() => DONE)
    await kit.gone(a)
  })

  it('leaves no connection behind', async () => {
    const worker = kit.work(() => DONE)
    await kit.queue.enqueue(jobsOf([a]))
    await kit.gone(a)
    const connected = async () =>
      String(await kit.redis.admin.client('LIST'))
        .split('\n')
        .filter((line) => /name=(webhook-broker-worker|\{broker\})/.test(line)).length
    expect(await connected()).toBe(2)
    await worker.close(1_000)
    await waitUntil(async () => (await connected()) === 0, { message: 'no connection' })
  })

  it('while Redis is away ends soon after the last attempt, whose end cannot be told', async () => {
    const gate = makeGate()
    let ended = false
    const worker = kit.work(async () => {
      await gate.opened
      ended = true
      return DONE
    })
    await kit.queue.enqueue(jobsOf([a]))
    await kit.attempted(a)
    await kit.redis.kill()
    const closing = worker.close(20_000)
    const startedMs = performance.now()
    gate.open()
    await closing
    expect(ended).toBe(true)
    expect(performance.now() - startedMs).toBeLessThan(3_000)
  })

  it('while Redis is frozen ends soon, too', async () => {
    const worker = kit.work(() => DONE)
    await kit.queue.enqueue(jobsOf([a]))
    await kit.gone(a)
    kit.redis.freeze()
    const startedMs = performance.now()
    await worker.close(20_000)
    expect(performance.now() - startedMs).toBeLessThan(3_000)
  })
})
