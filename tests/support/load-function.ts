// How long a packaged function takes to load, in a process of its own.

import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { promisify } from 'node:util'

export type LoadTime = { wallMs: number; cpuMs: number }

const LOAD = `
const startedMs = performance.now()
const started = process.cpuUsage()
const { handler } = await import(process.argv[1])
const { user, system } = process.cpuUsage(started)
const wallMs = performance.now() - startedMs
if (typeof handler !== 'function') throw new Error('no handler')
process.stdout.write(JSON.stringify({ wallMs, cpuMs: (user + system) / 1000 }))
process.exit()
`
const run = promisify(execFile)

/** @param handler the path of its module */
export const loadFunction = async (
  handler: string,
  env: Record<string, string>,
): Promise<LoadTime> => {
  const args = ['--input-type=module', '--eval', LOAD, handler]
  const { stdout } = await run(process.execPath, args, { cwd: tmpdir(), env })
  return JSON.parse(stdout) as LoadTime
}

export const median = (values: readonly number[]): number =>
  Math.round([...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN)
