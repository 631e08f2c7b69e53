// A Redis of our own for a laptop, CI and the benchmark: on a free port that is not the default one, with its files in
// our folder.

import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { takeLock } from '../../lib/postgres/lock-file.ts'
import { howToInstall, installPackage, onPath, type Announce } from './find.ts'
import { answers, onFreePort, startServer, type Server } from './process.ts'

export type RedisServer = Server & { url: string }

export type RedisOptions = {
  dataDir: string
  /** `aof`: every second to disk; `none`: a restart is empty. */
  persistence: 'aof' | 'none'
  port?: number
  announce?: Announce
  /** Further settings as on the command line, e.g. `['--replicaof', '127.0.0.1 7000']`. */
  settings?: readonly string[]
}

const POLL_MS = 50
/** 15 s: it may write its files, and waits 10 s for a replica that lags behind. */
const STOP_POLLS = 300

const quiet: Announce = () => undefined

/** The binary, installed if that is allowed; or the one line that says what to do. */
export const findRedis = (announce: Announce = quiet): { file: string } | { advice: string } => {
  const named = process.env['REDIS_SERVER_BIN']
  if (named !== undefined && named.trim() !== '') return { file: named }
  const find = () => onPath('redis-server', 'valkey-server')
  const file = find() ?? (installPackage('redis-server', announce) ? find() : undefined)
  return file === undefined
    ? { advice: `no redis-server found: ${howToInstall('redis')} (or set REDIS_URL)` }
    : { file }
}

/**
 * @throws Error with one line of advice when there is no Redis to start
 * @throws BrokerError `conflict` when the Redis of another living process works in this folder
 */
export const startRedis = async (options: RedisOptions): Promise<RedisServer> => {
  const found = findRedis(options.announce)
  if ('advice' in found) throw new Error(found.advice)
  mkdirSync(options.dataDir, { recursive: true })
  // As Redis names it: without symbolic links.
  const dataDir = realpathSync(options.dataDir)
  // Shared within the process: a test kills its server and starts it again in the same folder.
  const unlock = await takeLock(join(dataDir, 'owner.lock'), 'shared')
  try {
    await stopLeftover(noteFile(dataDir), dataDir)
    const start = (port: number) => startIn(dataDir, { ...options, file: found.file, port })
    const server = await (options.port === undefined ? onFreePort(start) : start(options.port))
    return {
      ...server,
      url: `redis://127.0.0.1:${server.port}`,
      stop: async () => {
        await server.stop()
        rmSync(noteFile(dataDir), { force: true })
        unlock()
      },
    }
  } catch (error) {
    unlock()
    throw error
  }
}

/** Says where the server listens, to the process that finds it orphaned. */
const noteFile = (dataDir: string): string => join(dataDir, 'server.json')

const startIn = (
  dataDir: string,
  { file, port, persistence, settings }: RedisOptions & { file: string; port: number },
): Promise<Server> => {
  // Before it starts: we may be killed at any moment from then on.
  writeFileSync(noteFile(dataDir), JSON.stringify({ port }))
  return startServer({
    name: 'redis-server',
    file,
    args: [...argumentsFor(port, dataDir, persistence), ...(settings ?? [])],
    port,
    stopSignal: 'SIGTERM',
    // One that keeps nothing is a test's, and nobody would look for it.
    diesWithParent: persistence === 'none',
    // Listening is not ready: it refuses commands while it reads its append-only file. And it has to be ours.
    ready: async () =>
      (await ask(port, 'PING')).startsWith('+PONG') && (await worksIn(port, dataDir)),
  })
}

const argumentsFor = (port: number, dataDir: string, persistence: 'aof' | 'none'): string[] => [
  '--port',
  String(port),
  '--bind',
  '127.0.0.1',
  '--dir',
  dataDir,
  '--save',
  '',
  '--maxmemory-policy',
  'noeviction',
  '--daemonize',
  'no',
  ...(persistence === 'aof' ? ['--appendonly', 'yes', '--appendfsync', 'everysec'] : []),
]

/** One inline command to a server; empty when it does not answer. */
const ask = (port: number, command: string): Promise<string> =>
  new Promise((done) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(`${command}\r\n`))
    socket.setTimeout(1_000, () => socket.destroy())
    let reply = ''
    socket.on('data', (chunk) => {
      reply = chunk.toString()
      socket.destroy()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => done(reply))
  })

/** Whether the Redis on a port, if any, has its files in a folder. */
const worksIn = async (port: number, dataDir: string): Promise<boolean> =>
  (await ask(port, 'CONFIG GET dir')).split('\r\n').includes(dataDir)

/** A broker that was killed with -9 left its Redis behind: it holds our files, so it has to end first. */
const stopLeftover = async (note: string, dataDir: string): Promise<void> => {
  const port = notedPort(note)
  // Ours only if it works in our folder: the port may belong to somebody else by now.
  if (port !== undefined && (await worksIn(port, dataDir))) {
    await ask(port, 'SHUTDOWN')
    for (let polls = 0; await answers(port); polls += 1) {
      if (polls === STOP_POLLS) throw new Error(`the Redis on port ${port} does not stop; end it`)
      await wait(POLL_MS)
    }
  }
  rmSync(note, { force: true })
}

/** Undefined also for a note that was cut off in the writing. */
const notedPort = (note: string): number | undefined => {
  const [, port] = existsSync(note)
    ? (/^\{"port":(\d+)\}$/.exec(readFileSync(note, 'utf8')) ?? [])
    : []
  return port === undefined ? undefined : Number(port)
}
