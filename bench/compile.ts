// What is measured, as a container runs it (scripts/build.ts): plain JavaScript with its packages in it. Built together, so
// that what counts commands meets the driver of the process it counts for.

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { REQUIRE, WITHOUT_BLANKS } from '../scripts/build.ts'

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

// An optional part of pg, and a database with files of its own.
const OUTSIDE = ['pg-native', '@electric-sql/*']

/** @returns the folder of the compiled scripts */
export const compile = async (): Promise<string> => {
  await build({
    absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
    entryPoints: ENTRIES,
    outdir: FOLDER,
    entryNames: '[name]',
    bundle: true,
    splitting: true,
    banner: { js: REQUIRE },
    ...WITHOUT_BLANKS,
    external: OUTSIDE,
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
