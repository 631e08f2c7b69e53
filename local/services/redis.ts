// A Redis of our own for a laptop, CI and the benchmark: on a free port that is not the default one, with its files in
// our folder.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { connect } from 'node:net'
import { BrokerError } from '../../lib/domain/errors.ts'
import { identityOf, isAlive, type ProcessIdentity } from '../../lib/postgres/process-identity.ts'
import { howToInstall, installPackage, onPath, type Announce } from './find.ts'
import { answers, freePort, startServer, type Server } from './process.ts'

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
  const dataDir = resolve(options.dataDir)
  mkdirSync(dataDir, { recursive: true })
  const pidFile = join(dataDir, 'server.json')
  await stopLeftover(pidFile, dataDir)
  const port = options.port ?? (await freePort())
  // Before it starts, so that a second process that comes now finds it.
  const note: Note = { port, owner: identityOf(process.pid) }
  writeFileSync(pidFile, JSON.stringify(note))
  const server = await startServer({
    name: 'redis-server',
    file: found.file,
    args: [...settings(port, dataDir, options.persistence), ...(options.settings ?? [])],
    port,
    stopSignal: 'SIGTERM',
    // Listening is not ready: it refuses commands while it reads its append-only file.
    ready: async () => (await ask(port, 'PING')).startsWith('+PONG'),
  })
  return {
    ...server,
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      await server.stop()
      rmSync(pidFile, { force: true })
    },
  }
}

const settings = (port: number, dataDir: string, persistence: 'aof' | 'none'): string[] => [
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

/** What stands beside the files: where the server listens, and for whom. */
type Note = { port: number; owner: ProcessIdentity }

/** Undefined also for a note that was cut off in the writing. */
const readNote = (file: string): Note | undefined => {
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Note
  } catch {
    return undefined
  }
}

/** A broker that was killed with -9 left its Redis behind: it holds our files, so it has to end first. One whose broker
 *  lives is not ours to end. */
const stopLeftover = async (pidFile: string, dataDir: string): Promise<void> => {
  const note = readNote(pidFile)
  if (note === undefined) return
  const { port, owner } = note
  if (owner.pid !== process.pid && isAlive(owner)) {
    throw new BrokerError(
      'conflict',
      `the data folder is in use by process ${owner.pid}; stop it, or set BROKER_DATA_DIR to another folder`,
    )
  }
  // Ours only if it works in our folder: the port may belong to somebody else by now.
  const dir = await ask(port, 'CONFIG GET dir')
  if (dir.split('\r\n').includes(dataDir)) {
    await ask(port, 'SHUTDOWN')
    while (await answers(port)) spawnSync('sleep', ['0.05'])
  }
  rmSync(pidFile, { force: true })
}
