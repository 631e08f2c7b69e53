// A worker that is told to take nothing for a while, because its memory runs short, beside one that is not.

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { waitsForJob } from '../support/queue-kit.ts'
import { deliveryId, deliveryIds, jobsOf } from '../support/redis-kit.ts'
import { waitUntil } from '../support/wait.ts'
import { DONE, startWorkerKit, type WorkerKit } from '../support/worker-kit.ts'

const [a, b] = [deliveryId(1), deliveryId(2)]

let kit: WorkerKit

beforeEach(async () => {
  kit = await startWorkerKit()
})

afterEach(() => kit.close())

describe('a worker that is held', () => {
  it('takes nothing while another one takes all, and goes on when it is let go', async () => {
    const taken: Record<'held' | 'free', string[]> = { held: [], free: [] }
    const worker = (name: 'held' | 'free') =>
      kit.work((id) => {
        taken[name].push(id)
        return DONE
      })
    const held = worker('held')
    await kit.queue.enqueue(jobsOf([a]))
    await kit.gone(a)
    await waitUntil(() => waitsForJob(kit.redis.admin), { message: 'a worker that waits' })
    held.hold(true)
    const free = worker('free')
    const ids = deliveryIds(50)
    await kit.queue.enqueue(jobsOf(ids))
    await waitUntil(() => taken.free.length + taken.held.length === 51, { message: 'all jobs' })
    // It was waiting for a job when it was held, and Redis woke it first.
    expect(taken.held).toEqual([a])
    await free.close(1_000)
    held.hold(false)
    await kit.queue.enqueue(jobsOf([b]))
    await waitUntil(() => taken.held.includes(b), { message: 'the next job' })
  })
})
