// What is measured, as a container runs it (scripts/build.ts): plain JavaScript with its packages in it. Built together, so
// that what counts commands meets the driver of the process it counts for.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleProcesses } from '../scripts/build.ts'

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

/** NODE_OPTIONS of the image. */
export const containerNodeOptions = (): string => {
  const dockerfile = readFileSync(new URL('../Dockerfile', import.meta.url), 'utf8')
  const [, options] = /^ENV NODE_OPTIONS="(.*)"$/m.exec(dockerfile) ?? []
  if (options === undefined) throw new Error('the Dockerfile sets no NODE_OPTIONS')
  return options
}

/** @returns the folder of the compiled scripts */
export const compile = async (): Promise<string> => {
  await bundleProcesses(ENTRIES, FOLDER, {
    absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
    entryNames: '[name]',
    // A database with files of its own.
    external: ['@electric-sql/*'],
  })
  return FOLDER
}

/** The compiled file of a script. */
export const compiledFile = (folder: string, script: string): string =>
  join(folder, script.replace(/^.*\//, '').replace(/\.ts$/, '.js'))
