// A process that takes a lock as soon as it may, says how that went, and holds it until it is ended.
// Arguments: the lock, and a file whose appearing is the starting shot.

import { existsSync } from 'node:fs'
import { takeLock } from '../../lib/postgres/lock-file.ts'

const [file = '', shot = ''] = process.argv.slice(2)
process.stdout.write('waiting\n')
// A busy wait, so that all of them start within microseconds.
while (!existsSync(shot));
try {
  await takeLock(file)
  process.stdout.write('holds it\n')
  setInterval(() => undefined, 60_000)
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`)
}
