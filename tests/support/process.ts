// Real processes of the broker, with an environment of nothing but what the test gives, all ended with the test.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export type Exit = { code: number | null; signal: NodeJS.Signals | null }

export type BrokerProcess = {
  pid: number
  /** Everything printed so far, standard output and error, line by line. */
  lines: string[]
  /** Resolves with the first line that matches, printed already or later. */
  waitForLine(pattern: RegExp, timeoutMs?: number): Promise<string>
  /** Asks it to end and waits until it has. */
  stop(signal?: NodeJS.Signals): Promise<Exit>
  kill9(): Promise<Exit>
  /** SIGSTOP and SIGCONT. */
  pause(): void
  resume(): void
  exited: Promise<Exit>
}

export type ProcessOptions = {
  /** `local/api.ts`, say; one in plain JavaScript is run without tsx, as it is in a container. */
  script: string
  args?: readonly string[]
  env?: Readonly<Record<string, string>>
  /** Resolves when this was printed; at once when absent. */
  readyLine?: RegExp
  cwd?: string
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

// A bound on a hang, not on a start: on a machine with five other jobs one took over 30 s.
const READY_TIMEOUT_MS = 90_000

/** A run that has bundled its processes (tests/faults/global-setup.ts) takes what is there, else tsx reads the sources. */
const runnable = (script: string): string[] => {
  const folder = process.env['TEST_BUILT_FOLDER']
  const built = folder === undefined ? '' : join(folder, script.replace(/\.ts$/, '.js'))
  if (existsSync(built)) return [built]
  return script.endsWith('.ts') ? ['--import', 'tsx', script] : [script]
}

/** Starts `node <script>`. */
export const startProcess = async (options: ProcessOptions): Promise<BrokerProcess> => {
  const child = spawn(process.execPath, [...runnable(options.script), ...(options.args ?? [])], {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      // By which the end of the run finds what a test left behind.
      TEST_RUN_FOLDER: tmpdir(),
      ...options.env,
    },
    cwd: options.cwd ?? process.cwd(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const lines: string[] = []
  const waiting = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      for (const check of [...waiting]) check()
    })
  }
  // `close`, not `exit`: the last lines may still be on their way when the process is gone.
  let hasExited = false
  const exited = once(child, 'close').then(([code, signal]) => {
    hasExited = true
    running.delete(child)
    for (const check of [...waiting]) check()
    return { code: code as number | null, signal: signal as NodeJS.Signals | null }
  })

  const waitForLine = (pattern: RegExp, timeoutMs = READY_TIMEOUT_MS): Promise<string> =>
    new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer)
        waiting.delete(check)
        settle()
      }
      const fail = (why: string) =>
        end(() =>
          reject(new Error(`${options.script} ${why} without ${pattern}:\n${lines.join('\n')}`)),
        )
      const check = () => {
        const line = lines.find((candidate) => pattern.test(candidate))
        if (line !== undefined) end(() => resolve(line))
        else if (hasExited) fail('ended')
      }
      const timer = setTimeout(() => fail(`ran ${timeoutMs} ms`), timeoutMs)
      waiting.add(check)
      check()
    })
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    return exited
  }
  if (options.readyLine !== undefined) await waitForLine(options.readyLine)
  return {
    pid: child.pid ?? 0,
    lines,
    waitForLine,
    stop: (signal = 'SIGTERM') => end(signal),
    kill9: () => end('SIGKILL'),
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    exited,
  }
}
