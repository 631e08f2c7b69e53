// The command line as a process: the bundle that the package ships, built once for a test file, with an environment of
// nothing but what the test gives.

import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { bundle } from '../../scripts/build.ts'

export type CliResult = { code: number | null; stdout: string; stderr: string }

export type CliOptions = {
  env?: Readonly<Record<string, string>>
  /** Standard input; closed at once when absent. */
  input?: string | Buffer
}

export type Cli = {
  /** To start it by other means. */
  file: string
  run(args: readonly string[], options?: CliOptions): Promise<CliResult>
  remove(): void
}

/** @param env for every run */
export const makeCli = async (env: Readonly<Record<string, string>> = {}): Promise<Cli> => {
  // Below node_modules, where the packages that it imports are found.
  const folder = resolve('node_modules/.cache', `webhook-broker-cli-${randomUUID()}`)
  const file = join(folder, 'main.js')
  await bundle('cli/main.ts', folder)
  return {
    file,
    run: async (args, options = {}) => {
      const child = spawn(process.execPath, [file, ...args], {
        env: { PATH: process.env['PATH'] ?? '', ...env, ...options.env },
        // Not the repository, whose `.env` would be read.
        cwd: tmpdir(),
      })
      // It may end without having read it.
      child.stdin.on('error', () => undefined)
      child.stdin.end(options.input)
      const closed = once(child, 'close') as Promise<[number | null]>
      const [stdout, stderr, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        closed,
      ])
      return { code, stdout, stderr }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
