// What the tests of the scheduled drain share: a run that dies in a step, the runs after it, and the locks it leaves.

import { expect } from 'vitest'
import type { StepName } from '../../lib/broker/ports.ts'
import { waitUntil } from '../support/wait.ts'
import type { Verdict } from './oracle.ts'
import { LEASE_MS, PREFIX, type Rig } from './rig.ts'

// What a job's lock has on top of the longest attempt and its margin.
const LOCK_MS = LEASE_MS + 1_000

/** Ends a drain in a step, then lets one run follow the other, as a schedule does. @returns the verdict */
export const crashDrainIn = async (rig: Rig, step: StepName): Promise<Verdict> => {
  const eventName = `drain-${step}`
  await rig.webhooks(eventName)
  await rig.client.trigger(eventName)
  const victim = await rig.startDrain({ FAILPOINTS: `${step}=kill` })
  expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' })
  await drainUntilDelivered(rig, eventName, 1)
  return rig.verdict(eventName)
}

/** Runs drains until so many deliveries of an event are delivered and no job is left; the sweep repairs beside them. */
export const drainUntilDelivered = async (rig: Rig, eventName: string, count: number) => {
  await waitUntil(
    async () => {
      // A line for each of thousands of attempts would cost as much as the attempts.
      const summary = await rig.drainOnce({ BROKER_LOG_LEVEL: 'warn' })
      expect(['empty', 'time']).toContain(summary?.end)
      const [row] = await rig.postgres.sql<{ count: number }>(
        `select count(*)::int as count from deliveries where event_name = $1 and status = 'delivered'`,
        [eventName],
      )
      return row?.count === count && (await jobsLeft(rig)) === 0
    },
    { timeoutMs: 200_000, message: `${count} deliveries of ${eventName}` },
  )
}

// A job whose delivery has ended also counts: the sweep gives it to the next run, which drops it.
const jobsLeft = async ({ redis: { admin } }: Rig): Promise<number> => {
  const part = (name: string) => `{${PREFIX}}:deliveries:${name}`
  const sizes = await Promise.all([
    admin.llen(part('wait')),
    admin.llen(part('active')),
    admin.zcard(part('delayed')),
  ])
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Waits until no job is locked; fails when a lock has longer to live than the lock time. @returns how many there were */
export const locksEnd = async (rig: Rig): Promise<number> => {
  const locked = () => rig.redis.admin.keys(`{${PREFIX}}:deliveries:*:lock`)
  const locks = await locked()
  const left = await Promise.all(locks.map((lock) => rig.redis.admin.pttl(lock)))
  expect(Math.max(0, ...left)).toBeLessThanOrEqual(LOCK_MS)
  await waitUntil(async () => (await locked()).length === 0, {
    timeoutMs: 2 * LOCK_MS,
    message: 'every lock to end',
  })
  return locks.length
}
