// What is measured as plain JavaScript, with `--compiled`: without tsx, which compiles in every process and stays there.
// Packages stay outside, so that what counts commands meets the same driver.

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ENTRIES = [
  'local/api.ts',
  'local/worker.ts',
  'local/sweep.ts',
  'local/start.ts',
  'bench/processes/bare-producer.ts',
  'bench/processes/bare-worker.ts',
  'bench/processes/inside.ts',
]
// As deep as the sources are: they find the dashboard by its place beside them.
const FOLDER = fileURLToPath(new URL('../dist/bench', import.meta.url))

/** @returns the folder of the compiled scripts */
export const compile = async (): Promise<string> => {
  await build({
    absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
    entryPoints: ENTRIES,
    outdir: FOLDER,
    entryNames: '[name]',
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  })
  return FOLDER
}

/** The compiled file of a script. */
export const compiledFile = (folder: string, script: string): string =>
  join(folder, script.replace(/^.*\//, '').replace(/\.ts$/, '.js'))
