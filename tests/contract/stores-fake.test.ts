import { makeManualClock } from '../support/fakes/manual-clock.ts'
import { makeFakeStores, type MakeRig } from '../support/store-rig.ts'
import { acceptRoutedSuite, acceptRouteSuite } from './accept-route.suite.ts'
import { acceptSuite } from './accept.suite.ts'
import { claimSuite } from './claim.suite.ts'
import { generationSuite } from './generation.suite.ts'
import { healthSuite } from './health.suite.ts'
import { logReaderSuite } from './log-reader.suite.ts'
import { rateLimitSuite } from './rate-limit.suite.ts'
import { operationalEventsSuite } from './operational-events.suite.ts'
import { recordGoneSuite } from './record-gone.suite.ts'
import { recordSuite } from './record.suite.ts'
import { replayStoreSuite } from './replay-store.suite.ts'
import { sweepRepairSuite } from './sweep-store-repair.suite.ts'
import { sweepStoreSuite } from './sweep-store.suite.ts'
import { turnSuite } from './turn.suite.ts'
import { webhookStoreSuite } from './webhook-store.suite.ts'

// The fakes of the use-case tests are worth what this says: they do what Postgres does.
const inMemory: MakeRig = () => {
  const clock = makeManualClock(Date.now())
  return Promise.resolve({ ...makeFakeStores(clock.nowMs), close: () => Promise.resolve() })
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
  suite('the fakes', inMemory)
}
