// The key that encrypts signing secrets on a laptop: made once, kept beside the data it protects.

import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const KEY_BYTES = 32

/** Reads the key of a data folder, or makes it, readable by its owner only. */
export const localSecretKey = (dataDir: string): Uint8Array => {
  const file = join(dataDir, 'secret-key')
  if (!existsSync(file)) {
    writeFileSync(file, randomBytes(KEY_BYTES).toString('base64'), { mode: 0o600 })
  }
  return new Uint8Array(Buffer.from(readFileSync(file, 'utf8'), 'base64'))
}
