// The functions as `npm run package` makes them, and one of them running alone in a folder with nothing else, as on
// Lambda: no sources, no node_modules, an environment of nothing but what the test gives.

import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { HttpResult } from '../../lib/http/lambda.ts'
import { unzip } from './unzip.ts'
import { waitUntil } from './wait.ts'

/** How long a hook may wait for packaging: seconds alone, and more beside the other tests. */
export const PACKAGING_TIMEOUT_MS = 180_000

/** What a copy of the project must not share with it: outputs, and the file that tests change. */
const OWN = new Set(['serverless.yml', '.serverless', '.esbuild', '.git', '.env', '.data'])

/**
 * A folder in which Serverless finds the project and leaves its outputs, so that runs side by side do not meet.
 *
 * @param edit changes serverless.yml
 */
export const copyService = (edit: (text: string) => string = (text) => text): string => {
  const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-service-'))
  for (const name of readdirSync('.')) {
    if (!OWN.has(name)) symlinkSync(resolve(name), join(folder, name))
  }
  writeFileSync(join(folder, 'serverless.yml'), edit(readFileSync('serverless.yml', 'utf8')))
  return folder
}

/** Runs Serverless with no credentials, and with a Node that cannot open a connection. */
export const runServerless = async (
  folder: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> => {
  const child = spawn(process.execPath, [resolve('node_modules/.bin/serverless'), ...args], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      NODE_OPTIONS: `--require ${resolve('tests/support/no-network.cjs')}`,
      TEST_RUN_FOLDER: tmpdir(),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => (output += part.toString()))
  }
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

/** Packages a variant of the service. @returns the folder of the zip files and templates */
export const packageService = async (args: readonly string[] = []): Promise<string> => {
  // What the bundles are made of is noted, too.
  const folder = copyService((text) =>
    text.replace('deploy/esbuild-plugins.cjs', 'tests/support/esbuild-inputs.cjs'),
  )
  const { code, output } = await runServerless(folder, ['package', ...args])
  if (code !== 0 || output.includes('NETWORK USED')) {
    throw new Error(`packaging ended with ${code ?? 'a signal'}:\n${output}`)
  }
  return join(folder, '.serverless')
}

/** Stage dev as it is, and stage prod with the other dispatcher. */
const VARIANTS = { bullmq: [], qstash: ['--stage=prod', '--param=dispatcher=qstash'] }
export type Variant = keyof typeof VARIANTS

/** The packages of a variant, made once in a run by whichever test file asks first. */
export const packagedOnce = async (variant: Variant = 'bullmq'): Promise<string> => {
  const folder = join(tmpdir(), `webhook-broker-packaged-${variant}`)
  const done = join(folder, 'done')
  const isFirst = mkdirSync(folder, { recursive: true }) !== undefined
  if (isFirst) {
    const made = await packageService(VARIANTS[variant]).then(
      (path) => ({ path }),
      (error: unknown) => ({ error: String(error) }),
    )
    writeFileSync(`${done}.part`, JSON.stringify(made))
    renameSync(`${done}.part`, done)
  }
  await waitUntil(() => existsSync(done), {
    timeoutMs: PACKAGING_TIMEOUT_MS,
    message: 'the packages',
  })
  const made = JSON.parse(readFileSync(done, 'utf8')) as { path?: string; error?: string }
  if (made.path === undefined) throw new Error(made.error)
  return made.path
}

/** The files of one function, by their paths in its zip. */
export const filesOf = (packages: string, name: string): Map<string, Buffer> =>
  unzip(join(packages, `${name}.zip`))

/** The files that a bundle was made of. @param handler as in serverless.yml, without the name of its export */
export const sourcesOf = (packages: string, handler: string): string[] => {
  const file = `${handler.replace('functions/', '').replaceAll('/', '-')}.ts.json`
  return JSON.parse(readFileSync(join(packages, '../inputs', file), 'utf8')) as string[]
}

/** The packages among them. */
export const packagesIn = (sources: readonly string[]): Set<string> => {
  const packages = new Set<string>()
  for (const source of sources) {
    const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(source)
    if (match?.[1] !== undefined) packages.add(match[1])
  }
  return packages
}

/** Unpacks a function into an empty folder. @returns the path of its handler's module */
export const unpackFunction = (files: ReadonlyMap<string, Buffer>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-function-'))
  for (const [name, content] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  const [handler] = [...files.keys()].filter((name) => name.endsWith('.mjs'))
  if (handler === undefined) throw new Error('there is no bundle')
  return join(folder, handler)
}

export type RunningFunction = {
  /** @throws Error with the message of what the handler threw */
  invoke<Result = HttpResult>(event: unknown): Promise<Result>
  /** Between two calls Lambda freezes a function. */
  freeze(): void
  thaw(): void
  stop(): Promise<void>
}

const HOST = `
const { handler } = await import(process.argv[2])
process.on('message', async ({ event, remainingMs }) => {
  const endMs = performance.now() + remainingMs
  const context = { getRemainingTimeInMillis: () => endMs - performance.now() }
  const answer = await handler(event, context).then(
    (result) => ({ result }),
    (error) => ({ error: String(error?.message) }),
  )
  process.send(answer)
})
process.send('ready')
`

type Answer = { result?: unknown; error?: string }

/** Starts a function as Lambda does; `remainingMs` is the time that every invocation has. */
export const runFunction = async (
  files: ReadonlyMap<string, Buffer>,
  env: Readonly<Record<string, string>>,
  remainingMs = 60_000,
): Promise<RunningFunction> => {
  const handler = unpackFunction(files)
  const host = join(mkdtempSync(join(tmpdir(), 'webhook-broker-host-')), 'host.mjs')
  writeFileSync(host, HOST)
  const child = fork(host, [handler], {
    cwd: dirname(host),
    env: { NODE_OPTIONS: '--enable-source-maps', TEST_RUN_FOLDER: tmpdir(), ...env },
    execArgv: [],
    stdio: 'inherit',
  })
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
    invoke: async <Result>(event: unknown) => {
      const answered = answer()
      child.send({ event, remainingMs })
      const { result, error } = (await answered) as Answer
      if (error !== undefined) throw new Error(error)
      return result as Result
    },
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
    stop: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
