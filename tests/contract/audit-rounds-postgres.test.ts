import { expect, inject, test } from 'vitest'
import { makeSchema } from '../support/schema.ts'
import { rigOver } from '../support/store-rig.ts'
import { auditRoundsSuite } from './audit-rounds.suite.ts'

auditRoundsSuite('Postgres', async () => {
  const schema = await makeSchema(inject('databaseUrl'))
  return rigOver(schema.database, schema.sql, schema.drop)
})

test('two sweeps at once: one of them takes the piece', async () => {
  const schema = await makeSchema(inject('databaseUrl'))
  try {
    const { auditRounds } = rigOver(schema.database, schema.sql, schema.drop)
    const both = await Promise.all([auditRounds.next(10, 0), auditRounds.next(10, 0)])
    expect(both.filter((piece) => piece !== undefined)).toEqual([
      { fromId: 'msg_0000000000', untilId: 'msg_~', more: false, days: [] },
    ])
  } finally {
    await schema.drop()
  }
})
