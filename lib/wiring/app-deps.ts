// What every HTTP app needs of the configuration, whether it serves the whole API or one route of it.

import type { Log } from '../broker/ports.ts'
import type { Config } from '../config.ts'
import { ID_RANDOM_BYTES, makeId } from '../domain/ids.ts'
import type { AppDeps } from '../http/app.ts'
import { makeRandom, systemClock } from './runtime.ts'

export const appDeps = (config: Config, log: Log): AppDeps => {
  const random = makeRandom()
  return {
    keys: config.auth.kind === 'keys' ? config.auth.keys : undefined,
    makeRequestId: () => makeId('req', systemClock.nowMs(), random.bytes(ID_RANDOM_BYTES)),
    log,
  }
}
