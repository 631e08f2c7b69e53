// Randomness and ids that can be foretold.

import type { IdSource, Random } from '../../../lib/broker/ports.ts'

export const fixedRandom: Random = {
  fraction: () => 0.5,
  bytes: (count) => new Uint8Array(count).fill(7),
}

const numbered = (prefix: string, count: number) => `${prefix}_${String(count).padStart(26, '0')}`

export const makeNumberedIds = (): IdSource => {
  const counts = { webhook: 0, message: 0, replay: 0, token: 0 }
  return {
    webhook: () => numbered('wh', (counts.webhook += 1)),
    message: () => numbered('msg', (counts.message += 1)),
    replay: () => numbered('rpl', (counts.replay += 1)),
    token: () => `token-${(counts.token += 1)}`,
  }
}
