// The processes of the long fault runs as a container runs them: bundled, without tsx. Each starts in a fifth of the time,
// and a run starts two hundred of them.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleProcesses } from '../../scripts/build.ts'

export const setup = async (): Promise<(() => void) | undefined> => {
  // Once for both projects of a run.
  if (process.env['TEST_BUILT_FOLDER'] !== undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-built-'))
  await bundleProcesses(
    [
      ...['api', 'worker', 'sweep'].map((name) => `local/${name}.ts`),
      ...['drain', 'receiver', 'load-receiver', 'hostile-receiver'].map(
        (name) => `tests/faults/${name}-process.ts`,
      ),
    ],
    folder,
  )
  // What the tests' own process is told, `startProcess` finds.
  process.env['TEST_BUILT_FOLDER'] = folder
  return () => {
    rmSync(folder, { recursive: true, force: true })
  }
}
