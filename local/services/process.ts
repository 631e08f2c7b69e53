// Child processes that are servers: started, waited for until they answer, stopped with their parent.

import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { connect, createServer, type AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { onPath } from './find.ts'

export type Server = {
  port: number
  pid: number
  /** Asks it to end and waits until it has. */
  stop(): Promise<void>
  /** kill -9 */
  kill(): Promise<void>
}

/** A free port of the loopback address. Another process may take it before it is used: see `onFreePort`. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

/** Whether something listens. */
export const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    const end = (result: boolean) => {
      socket.destroy()
      resolve(result)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })

const PORT_TRIES = 3

/** Starts something on a free port, and on another one when somebody was faster there. */
export const onFreePort = async <T>(start: (port: number) => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort()
    try {
      return await start(port)
    } catch (error) {
      if (tries === PORT_TRIES || !(await answers(port))) throw error
    }
  }
}

const START_TIMEOUT_MS = 20_000
const POLL_MS = 20

export type ServerCommand = {
  name: string
  file: string
  args: readonly string[]
  port: number
  options?: SpawnOptions
  /** The signal that asks it to end. */
  stopSignal: NodeJS.Signals
  ready(): Promise<boolean>
  /** Whether it ends even with a parent that is killed with -9, where the system can do that (Linux). */
  diesWithParent?: boolean
}

/** Starts a server and resolves when it is ready. @throws Error with what it printed */
export const startServer = async (command: ServerCommand): Promise<Server> => {
  const [file, args] = commandLine(command)
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Out of the terminal's foreground group: its Ctrl-C is for us, who still need the server while we stop.
    detached: true,
    ...command.options,
  })
  let output = ''
  const collect = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4_000)
  }
  child.stdout?.on('data', collect)
  child.stderr?.on('data', collect)
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  // Later than `ended`: what it printed last may still be on its way.
  const silent = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    child.once('error', (error) => {
      output += error.message
      resolve()
    })
  })
  const killWithParent = () => child.kill('SIGKILL')
  process.once('exit', killWithParent)
  void ended.then(() => process.off('exit', killWithParent))

  await waitUntilReady(command, child, () => silent.then(() => output))
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    await ended
  }
  return {
    port: command.port,
    pid: child.pid ?? 0,
    stop: () => end(command.stopSignal),
    kill: () => end('SIGKILL'),
  }
}

/** setpriv sets the signal that the kernel sends when the parent dies, and becomes the server: the pid stays. */
const commandLine = ({ file, args, diesWithParent }: ServerCommand): [string, string[]] => {
  const setpriv = diesWithParent === true ? onPath('setpriv') : undefined
  return setpriv === undefined
    ? [file, [...args]]
    : [setpriv, ['--pdeathsig', 'KILL', file, ...args]]
}

const waitUntilReady = async (
  { name, ready }: ServerCommand,
  child: ChildProcess,
  output: () => Promise<string>,
): Promise<void> => {
  for (let waited = 0; waited < START_TIMEOUT_MS; waited += POLL_MS) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
      throw new Error(`${name} did not start:\n${await output()}`)
    }
    if (await ready()) return
    await wait(POLL_MS)
  }
  child.kill('SIGKILL')
  throw new Error(`${name} did not answer within ${START_TIMEOUT_MS} ms:\n${await output()}`)
}
