import { inject } from 'vitest'
import { makeSchema } from '../support/schema.ts'
import { rigOver, type MakeRig } from '../support/store-rig.ts'
import { acceptSuite } from './accept.suite.ts'
import { claimSuite } from './claim.suite.ts'
import { generationSuite } from './generation.suite.ts'
import { healthSuite } from './health.suite.ts'
import { logReaderSuite } from './log-reader.suite.ts'
import { rateLimitSuite } from './rate-limit.suite.ts'
import { recordSuite } from './record.suite.ts'
import { replayStoreSuite } from './replay-store.suite.ts'
import { sweepRepairSuite } from './sweep-store-repair.suite.ts'
import { sweepStoreSuite } from './sweep-store.suite.ts'
import { webhookStoreSuite } from './webhook-store.suite.ts'

const onPostgres: MakeRig = async () => {
  const schema = await makeSchema(inject('databaseUrl'))
  return rigOver(schema.database, schema.sql, schema.drop)
}

for (const suite of [
  webhookStoreSuite,
  acceptSuite,
  claimSuite,
  recordSuite,
  sweepStoreSuite,
  sweepRepairSuite,
  replayStoreSuite,
  generationSuite,
  healthSuite,
  rateLimitSuite,
  logReaderSuite,
]) {
  suite('Postgres', onPostgres)
}
