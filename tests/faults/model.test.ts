// A model of the protocol under random orders of events: the real use cases and the real SQL, a queue that loses,
// forgets and falls back, workers that stop at any await, time that moves in jumps. A failing order is shrunk to the
// shortest one. MODEL_SEED and MODEL_SECONDS repeat or lengthen a run.

import fc from 'fast-check'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { makeSchema, type TestSchema } from '../support/schema.ts'
import { registered, rigOver, type StoreRig } from '../support/store-rig.ts'
import { EVENT, makeWorld, type World } from './model-world.ts'

const SEED = Number(process.env['MODEL_SEED'] ?? 20_261_125)
const SECONDS = Number(process.env['MODEL_SECONDS'] ?? 10)

let schema: TestSchema
let rig: StoreRig

beforeAll(async () => {
  schema = await makeSchema(inject('databaseUrl'))
  rig = rigOver(schema.database, schema.sql, () => Promise.resolve())
  await registered(rig, EVENT)
})

afterAll(async () => {
  await schema.drop()
})

type Command =
  | { do: 'trigger'; enqueued: boolean }
  | { do: 'take' }
  | { do: 'step'; n: number; ok: boolean }
  | { do: 'crash'; n: number }
  | { do: 'flush' }
  | { do: 'rollBack'; changes: number }
  | { do: 'orphan'; n: number }
  | { do: 'tick'; ms: number }
  | { do: 'sweep' }

const small = fc.nat(3)
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('trigger'), enqueued: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('take') }) },
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constant('step'), n: small, ok: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash'), n: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('flush') }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('rollBack'), changes: fc.integer({ min: 1, max: 8 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('orphan'), n: small }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('tick'),
      ms: fc.constantFrom(400, 1_600, 3_000, 31_000, 1_000_000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('sweep') }) },
)

const perform = async (world: World, c: Command): Promise<void> => {
  switch (c.do) {
    case 'trigger':
      return world.trigger(c.enqueued)
    case 'take':
      return world.take()
    case 'step':
      return world.step(c.n, c.ok)
    case 'crash': {
      world.crash(c.n)
      return
    }
    case 'flush': {
      world.flush()
      return
    }
    case 'rollBack': {
      world.rollBack(c.changes)
      return
    }
    case 'orphan': {
      world.orphan(c.n)
      return
    }
    case 'tick':
      return world.tick(c.ms)
    case 'sweep':
      return world.sweep()
  }
}

/** All faults end: workers work, sweeps come, time passes; everything accepted must end within so many rounds. */
const heal = async (world: World): Promise<void> => {
  for (let round = 0; round < 80; round += 1) {
    await world.take()
    while (world.living() > 0) await world.step(0, true)
    if ((await world.open()) === 0) return
    await world.sweep()
    await world.tick(round % 2 === 0 ? 1_600 : 40_000)
  }
  throw new Error(`I5: still open after 80 rounds: ${(await world.statuses()).join()}`)
}

test(
  `whatever the order of crashes, losses and sweeps, the invariants hold and all ends (seed ${SEED})`,
  async () => {
    let runs = 0
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 60 }), async (commands) => {
        runs += 1
        const world = await makeWorld(rig)
        for (const next of commands) {
          await perform(world, next)
          await world.check()
        }
        await heal(world)
        await world.check()
        expect(await world.open()).toBe(0)
      }),
      {
        seed: SEED,
        numRuns: 100_000,
        interruptAfterTimeLimit: SECONDS * 1_000,
        markInterruptAsFailure: false,
      },
    )
    // Interrupted before it judged anything it would say nothing.
    expect(runs).toBeGreaterThan(20)
    process.stdout.write(`model: ${runs} orders, seed ${SEED}\n`)
  },
  (SECONDS + 60) * 1_000,
)
