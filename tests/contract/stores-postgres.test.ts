import { inject } from 'vitest'
import { makeSchema } from '../support/schema.ts'
import { rigOver, type StoreRig } from '../support/store-rig.ts'
import { acceptRoutedSuite, acceptRouteSuite } from './accept-route.suite.ts'
import { acceptSuite } from './accept.suite.ts'
import { bulkReplaySuite } from './bulk-replay.suite.ts'
import { claimSuite } from './claim.suite.ts'
import { generationSuite } from './generation.suite.ts'
import { healthSuite } from './health.suite.ts'
import { logReaderSuite } from './log-reader.suite.ts'
import { rateLimitSuite } from './rate-limit.suite.ts'
import { missedReplaySuite } from './missed-replay.suite.ts'
import { operationalEventsSuite } from './operational-events.suite.ts'
import { recordGoneSuite } from './record-gone.suite.ts'
import { recordSuite } from './record.suite.ts'
import { replayStoreSuite } from './replay-store.suite.ts'
import { sweepRepairSuite } from './sweep-store-repair.suite.ts'
import { sweepStoreSuite } from './sweep-store.suite.ts'
import { turnSuite } from './turn.suite.ts'
import { webhookStoreSuite } from './webhook-store.suite.ts'

const onPostgres = async (): Promise<StoreRig> => {
  const schema = await makeSchema(inject('databaseUrl'))
  return rigOver(schema.database, schema.sql, schema.drop)
}

for (const suite of [
  webhookStoreSuite,
  acceptSuite,
  acceptRouteSuite,
  acceptRoutedSuite,
  claimSuite,
  recordSuite,
  recordGoneSuite,
  turnSuite,
  operationalEventsSuite,
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
bulkReplaySuite('Postgres', onPostgres)
missedReplaySuite('Postgres', onPostgres)
