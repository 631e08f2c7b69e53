// A process of the benchmark: started with the Node that is measured, asked and answered over Node's own channel, so that
// asking costs the process nothing while it is measured. It measures nothing itself.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { compiledFile } from './compile.ts'

export type Child = {
  pid: number
  /** What it printed last. */
  lines: readonly string[]
  /** Asks one of the functions that it offers (see answering.ts). @throws Error when it fails or has ended */
  ask<Answer>(what: string, argument?: unknown): Promise<Answer>
  /** Asks it to end and waits until it has. */
  stop(): Promise<void>
}

export type ChildOptions = {
  /** `local/api.ts`, say. */
  script: string
  args?: string[]
  env?: Readonly<Record<string, string>>
  /** The Node that runs it; that of the benchmark when absent. */
  node?: string | undefined
  /** The folder of compiled scripts (compile.ts); the sources are run by tsx when absent. */
  compiled?: string | undefined
  /** Resolves when this was printed; at once when absent. */
  readyLine?: RegExp
}

type Answer = { id: number; answer?: unknown; error?: string }

// Without this Ctrl-C would end us before the servers are told: they end on our `exit`.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const KEPT_LINES = 50
const START_TIMEOUT_MS = 60_000
const INSIDE = new URL('processes/inside.ts', import.meta.url).href

const commandOf = ({ script, compiled }: ChildOptions): { file: string; flags: string[] } =>
  compiled === undefined
    ? { file: script, flags: ['--import', 'tsx', '--import', INSIDE] }
    : {
        file: compiledFile(compiled, script),
        flags: ['--import', pathToFileURL(compiledFile(compiled, 'inside.ts')).href],
      }

export const startChild = async (options: ChildOptions): Promise<Child> => {
  const { file, flags } = commandOf(options)
  const child = fork(file, options.args ?? [], {
    execPath: options.node ?? process.execPath,
    execArgv: flags,
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...options.env },
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const lines: string[] = []
  const waiting = new Map<number, (answer: Answer) => void>()
  let hasExited = false
  const said = () => `${options.script}:\n${lines.join('\n')}`
  const exited = once(child, 'close').then(() => {
    hasExited = true
    for (const [id, settle] of waiting) settle({ id, error: `ended: ${said()}` })
  })
  child.on('message', (message: Answer) => waiting.get(message.id)?.(message))

  const ready = new Promise<void>((resolve, reject) => {
    if (options.readyLine === undefined) resolve()
    const fail = () => reject(new Error(`was not ready: ${said()}`))
    setTimeout(fail, START_TIMEOUT_MS).unref()
    void exited.then(fail)
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line)
        if (lines.length > KEPT_LINES) lines.shift()
        if (options.readyLine?.test(line) === true) resolve()
      })
    }
  })
  await ready

  let asked = 0
  return {
    pid: child.pid ?? 0,
    lines,
    ask: <T>(what: string, argument?: unknown) =>
      new Promise<T>((resolve, reject) => {
        const id = (asked += 1)
        waiting.set(id, ({ answer, error }) => {
          waiting.delete(id)
          if (error === undefined) resolve(answer as T)
          else reject(new Error(`${what} of ${options.script} failed: ${error}`))
        })
        if (hasExited) waiting.get(id)?.({ id, error: 'it has ended' })
        else child.send({ id, what, argument })
      }),
    stop: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}
