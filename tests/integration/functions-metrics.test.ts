// What the functions print for CloudWatch: one line of metrics at the end of each invocation.

import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { startProcess, type BrokerProcess } from '../support/process.ts'
import { makeSchema, randomPrefix, type TestSchema } from '../support/schema.ts'

let schema: TestSchema
let run: BrokerProcess
beforeAll(async () => {
  schema = await makeSchema(inject('databaseUrl'))
  run = await startProcess({
    script: 'tests/support/call-functions.ts',
    env: {
      DATABASE_URL: schema.url,
      REDIS_URL: inject('redisUrl'),
      BROKER_KEY_PREFIX: randomPrefix(),
      BROKER_API_KEYS: 'lambda-key-0123456789',
      BROKER_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'),
      BROKER_LOG_LEVEL: 'error',
    },
  })
  await run.exited
})
afterAll(() => schema.drop())

type Embedded = Record<string, unknown> & { _aws: { Timestamp: number } }
const embedded = (from: number, to: number) =>
  run.lines
    .slice(from, to)
    .filter((line) => line.startsWith('{"_aws"'))
    .map((line) => JSON.parse(line) as Embedded)

test('a trigger writes its counts before it answers, a sweep its own and the state of the broker', () => {
  const answered = run.lines.indexOf('triggered 202')
  const swept = run.lines.indexOf('swept')
  expect([answered > 0, swept > answered]).toEqual([true, true])
  expect(embedded(0, answered)).toMatchObject([
    { function: 'trigger', messages_accepted_total: 1, deliveries_accepted_total: 0 },
  ])
  const [line] = embedded(0, answered)
  expect(Math.abs((line?._aws.Timestamp ?? 0) - Date.now())).toBeLessThan(60_000)
  const bySweep = embedded(answered, swept)
  expect(bySweep.every((each) => each['function'] === 'sweep')).toBe(true)
  expect(bySweep).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ finding: 'unqueued', sweep_findings_total: 0 }),
      expect.objectContaining({ repair: 'requeued', sweep_repairs_total: 0 }),
      expect.objectContaining({ oldest_due_age_seconds: 0, queue_depth: 0 }),
    ]),
  )
})

test('what a queue brings is counted as well', () => {
  const fired = run.lines.indexOf('fired')
  expect(fired).toBeGreaterThan(0)
  expect(embedded(run.lines.indexOf('swept'), fired)).toMatchObject([
    { function: 'trigger-events', messages_accepted_total: 1, deliveries_accepted_total: 0 },
  ])
})
