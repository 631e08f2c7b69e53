// The protocol against random histories: triggers, workers, crashes after every step, a Redis that is emptied or rolled
// back, time, and sweeps that die as well. What must hold is asked after each command, and at the end, when all is well
// again, everything that was accepted must have arrived or be dead with its attempts on record.

import fc from 'fast-check'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { StepName } from '../../lib/broker/ports.ts'
import { makeProtocolWorld, type ProtocolWorld } from '../support/protocol-world.ts'
import { makeSchema } from '../support/schema.ts'
import { rigOver, type StoreRig } from '../support/store-rig.ts'

let rig: StoreRig
beforeAll(async () => {
  const schema = await makeSchema(inject('databaseUrl'))
  rig = rigOver(schema.database, schema.sql, schema.drop)
})
afterAll(() => rig.close())

const SEED = 20_261_125
const RUNS = 60

type Command =
  | { do: 'trigger'; die: StepName | undefined }
  | { do: 'work'; die: StepName | undefined; answer: number }
  | { do: 'sweep'; die: StepName | undefined }
  | { do: 'tick'; ms: number }
  | { do: 'flush' }
  | { do: 'rollBack' }

const maybe = (...steps: StepName[]) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 2, arbitrary: fc.constantFrom(...steps) },
  )

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('trigger' as const), die: maybe('T1', 'T2', 'T3') }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('work' as const),
      die: maybe('W1', 'W2', 'W3', 'W4', 'W5', 'W6', 'W7'),
      answer: fc.constantFrom(200, 200, 500),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('sweep' as const), die: maybe('S1', 'S2', 'S3', 'S4') }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('tick' as const),
      ms: fc.constantFrom(500, 2_000, 40_000),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'flush' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'rollBack' as const }) },
)

const perform = async (world: ProtocolWorld, given: Command): Promise<unknown> => {
  switch (given.do) {
    case 'trigger':
      return world.trigger(given.die)
    case 'work':
      return world.work(given.die, given.answer)
    case 'sweep':
      return world.sweep(given.die)
    case 'tick':
      return world.tick(given.ms)
    case 'flush':
      world.flush()
      return undefined
    case 'rollBack':
      return world.rollBack()
  }
}

type Row = {
  id: string
  message_id: string
  status: string
  attempt_count: number
  steps_used: number
  crash_count: number
}

const rowsOf = (tenant: string) =>
  rig.sql<Row>(
    'select id, message_id, status, attempt_count, steps_used, crash_count from deliveries where tenant = $1',
    [tenant],
  )

const checkInvariants = async (world: ProtocolWorld, tenant: string) => {
  const rows = await rowsOf(tenant)
  for (const row of rows) {
    const requests = world.seen.filter(({ deliveryId }) => deliveryId === row.id)
    // Each request was claimed first, and each has a number of its own.
    expect(requests.length).toBeLessThanOrEqual(row.attempt_count)
    expect(new Set(requests.map(({ attempt }) => attempt)).size).toBe(requests.length)
    expect(row.attempt_count).toBeLessThanOrEqual(4 + 6)
    if (row.status === 'delivered') expect(requests.some(({ status }) => status === 200)).toBe(true)
    // Copies are copies.
    expect(
      new Set(requests.map(({ messageId, bodyHash }) => messageId + bodyHash)).size,
    ).toBeLessThanOrEqual(1)
  }
  const days = await rig.audits.days(tenant)
  for (const day of days)
    expect(day.matched).toBe(day.delivered + day.dead + day.cancelled + day.open)
}

/** Nothing dies any more; time passes until nothing is open. */
const heal = async (world: ProtocolWorld, tenant: string) => {
  for (let round = 0; round < 40; round += 1) {
    await world.tick(40_000)
    await world.sweep(undefined)
    while (world.queue.waiting().length > 0) {
      const before = world.queue.waiting().length
      for (let n = 0; n < before; n += 1) await world.work(undefined, 200)
      await world.tick(2_000)
    }
    const open = (await rowsOf(tenant)).filter(
      ({ status }) => status === 'pending' || status === 'retrying',
    )
    if (open.length === 0) return
  }
  throw new Error('a delivery stays open for ever')
}

let worlds = 0

test(
  'whatever dies and whatever Redis forgets, what was accepted arrives or is dead on record',
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 25 }), async (commands) => {
        const tenant = `model-${(worlds += 1)}`
        const world = await makeProtocolWorld(rig, tenant)
        for (const given of commands) {
          const delivered = (await rowsOf(tenant))
            .filter(({ status }) => status === 'delivered')
            .map(({ id }) => id)
          const sent = world.seen.length
          await perform(world, given)
          await checkInvariants(world, tenant)
          // After a committed success there is no further request: no process is frozen here.
          expect(
            world.seen.slice(sent).filter(({ deliveryId }) => delivered.includes(deliveryId)),
          ).toEqual([])
        }
        await heal(world, tenant)
        await checkInvariants(world, tenant)
        const rows = await rowsOf(tenant)
        for (const messageId of world.accepted) {
          const ends = rows
            .filter(({ message_id }) => message_id === messageId)
            .map(({ status }) => status)
          expect(ends).toHaveLength(3)
          for (const end of ends) expect(['delivered', 'dead']).toContain(end)
        }
        // Dead is dead for a reason: the schedule or the crash budget is used up.
        for (const row of rows.filter(({ status }) => status === 'dead')) {
          expect(row.steps_used === 3 || row.crash_count > 5).toBe(true)
        }
      }),
      { seed: SEED, numRuns: RUNS },
    )
  },
)
