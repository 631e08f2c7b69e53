import { inject } from 'vitest'
import { makeSchema } from '../support/schema.ts'
import { rigOver } from '../support/store-rig.ts'
import { statsStoreSuite } from './stats-store.suite.ts'

statsStoreSuite('Postgres', async () => {
  const schema = await makeSchema(inject('databaseUrl'))
  return rigOver(schema.database, schema.sql, schema.drop)
})
