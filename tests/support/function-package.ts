// The functions as `npm run package` makes them, and one of them running alone in a folder with nothing else, as on
// Lambda: no sources, no node_modules, an environment of nothing but what the test gives.

import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { HttpEvent, HttpResult } from '../../lib/http/lambda.ts'
import { unzip } from './unzip.ts'

const HOST = `
import { handler } from './handler.mjs'
process.on('message', async (event) => process.send(await handler(event, {})))
process.send('ready')
`

/** Packages all functions, without credentials. @returns the files of each, by the name of its zip file */
export const packageFunctions = async (
  names: readonly string[],
): Promise<Map<string, Map<string, Buffer>>> => {
  const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-package-'))
  const child = spawn(
    process.execPath,
    ['node_modules/.bin/serverless', 'package', '--package', folder],
    { env: { PATH: process.env['PATH'] ?? '', HOME: folder }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => (output += part.toString()))
  }
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`packaging ended with ${code ?? 'a signal'}:\n${output}`)
  return new Map(names.map((name) => [name, unzip(join(folder, `${name}.zip`))]))
}

/** The packages that a bundle was made of, from its source map. */
export const packagesIn = (files: ReadonlyMap<string, Buffer>): Set<string> => {
  const packages = new Set<string>()
  for (const [name, content] of files) {
    if (!name.endsWith('.map')) continue
    const { sources } = JSON.parse(content.toString()) as { sources: string[] }
    for (const source of sources) {
      const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(source)
      if (match?.[1] !== undefined) packages.add(match[1])
    }
  }
  return packages
}

export type RunningFunction = {
  invoke(event: HttpEvent): Promise<HttpResult>
  /** Between two calls Lambda freezes a function. */
  freeze(): void
  thaw(): void
  stop(): Promise<void>
}

/** Starts the only module among `files`. */
export const runFunction = async (
  files: ReadonlyMap<string, Buffer>,
  env: Readonly<Record<string, string>>,
): Promise<RunningFunction> => {
  const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-function-'))
  const [, bundle] = [...files].find(([name]) => name.endsWith('.mjs')) ?? []
  if (bundle === undefined) throw new Error('there is no bundle')
  const host = join(folder, 'host.mjs')
  mkdirSync(dirname(host), { recursive: true })
  writeFileSync(join(folder, 'handler.mjs'), bundle)
  writeFileSync(host, HOST)
  const child = fork(host, { cwd: folder, env: { ...env }, execArgv: [], stdio: 'inherit' })
  const ended = once(child, 'close')
  const answer = async (): Promise<unknown> => {
    const [message] = (await Promise.race([
      once(child, 'message'),
      ended.then(() => Promise.reject(new Error('the function ended'))),
    ])) as [unknown]
    return message
  }
  await answer()
  return {
    invoke: async (event) => {
      const answered = answer()
      child.send(event)
      return (await answered) as HttpResult
    },
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
    stop: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
