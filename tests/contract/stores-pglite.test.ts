import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeDatabase, type Database } from '../../lib/postgres/database.ts'
import { openEmbedded, type EmbeddedPostgres } from '../../lib/postgres/embedded.ts'
import { migrate } from '../../lib/postgres/migrate.ts'
import { rigOver, type StoreRig } from '../support/store-rig.ts'
import { acceptRoutedSuite, acceptRouteSuite } from './accept-route.suite.ts'
import { acceptSuite } from './accept.suite.ts'
import { auditRoundsSuite } from './audit-rounds.suite.ts'
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
import { statsStoreSuite } from './stats-store.suite.ts'
import { sweepRepairSuite } from './sweep-store-repair.suite.ts'
import { sweepStoreSuite } from './sweep-store.suite.ts'
import { turnSuite } from './turn.suite.ts'
import { webhookStoreSuite } from './webhook-store.suite.ts'

// Making one takes seconds, so the suites share it: their events and tenants are their own.
const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-pglite-'))
let embedded: EmbeddedPostgres
let database: Database

beforeAll(async () => {
  embedded = await openEmbedded(join(folder, 'postgres'))
  database = makeDatabase(embedded.pool)
  await migrate(database)
})
afterAll(async () => {
  await embedded.close()
  rmSync(folder, { recursive: true, force: true })
})

const onPglite = (): Promise<StoreRig> =>
  Promise.resolve(
    rigOver(
      database,
      async <Row extends object>(text: string, values: unknown[] = []) =>
        (await embedded.pool.query(text, values)).rows as Row[],
      () => Promise.resolve(),
    ),
  )

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
  suite('PGlite', onPglite)
}
statsStoreSuite('PGlite', onPglite)
auditRoundsSuite('PGlite', onPglite)
bulkReplaySuite('PGlite', onPglite)
missedReplaySuite('PGlite', onPglite)

// Two processes on one folder saw different rows, and afterwards it would not open.
test('a folder that is in use is refused, and the message names the process', async () => {
  await expect(openEmbedded(join(folder, 'postgres'))).rejects.toThrow(
    `the data folder is in use by process ${process.pid}`,
  )
})
