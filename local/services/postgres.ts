// A Postgres of our own for tests and the benchmark: real server binaries, a folder and a free port of its own.

import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import {
  howToInstall,
  installPackage,
  inVersionFolders,
  isRoot,
  onPath,
  type Announce,
} from './find.ts'
import { onFreePort, startServer, type Server } from './process.ts'

export type PostgresServer = Server & { url: string }

export type PostgresOptions = {
  dataDir: string
  /** Off only for tests that do not pull the plug. */
  fsync: boolean
  port?: number
  announce?: Announce
  /** Further settings, e.g. `['max_connections=200']`. */
  settings?: readonly string[]
}

const FOLDERS = ['/usr/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt']
const quiet: Announce = () => undefined

/** The folder of `initdb` and `postgres`, installed if that is allowed; or the one line that says what to do. */
export const findPostgres = (announce: Announce = quiet): { bin: string } | { advice: string } => {
  const find = () => {
    const fromFolders = FOLDERS.map((folder) => inVersionFolders(folder, 'initdb')).find(
      (file) => file !== undefined,
    )
    const file = fromFolders ?? onPath('initdb')
    return file === undefined ? undefined : dirname(file)
  }
  const bin = find() ?? (installPackage('postgresql', announce) ? find() : undefined)
  return bin === undefined
    ? { advice: `no Postgres server found: ${howToInstall('postgresql')}` }
    : { bin }
}

type Owner = { uid: number; gid: number }

/** initdb and postgres refuse to run as root. */
const unprivileged = (): Owner | undefined => {
  if (!isRoot()) return undefined
  const id = (flag: string) => Number(spawnSync('id', [flag, 'postgres']).stdout.toString())
  const owner = { uid: id('-u'), gid: id('-g') }
  if (owner.uid === 0) throw new Error('Postgres refuses to run as root: add a user `postgres`')
  return owner
}

/** Makes the cluster if the folder holds none, and starts it. @throws Error with one line of advice */
export const startPostgres = async (options: PostgresOptions): Promise<PostgresServer> => {
  const found = findPostgres(options.announce)
  if ('advice' in found) throw new Error(found.advice)
  const dataDir = resolve(options.dataDir)
  const owner = unprivileged()
  const cluster = join(dataDir, 'cluster')
  makeFolder(dataDir, owner)
  if (!existsSync(join(cluster, 'PG_VERSION'))) initdb(found.bin, cluster, owner)
  const start = (port: number) =>
    startServer({
      name: 'postgres',
      file: join(found.bin, 'postgres'),
      args: ['-D', cluster, ...settings(port, dataDir, options)],
      port,
      options: { ...owner, cwd: dataDir },
      // Ends its sessions and writes a checkpoint.
      stopSignal: 'SIGINT',
      diesWithParent: true,
      ready: () => Promise.resolve(isReady(found.bin, port)),
    })
  const server = await (options.port === undefined ? onFreePort(start) : start(options.port))
  return { ...server, url: `postgres://broker@127.0.0.1:${server.port}/postgres` }
}

const makeFolder = (folder: string, owner: Owner | undefined): void => {
  mkdirSync(folder, { recursive: true })
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
}

const initdb = (bin: string, cluster: string, owner: Owner | undefined): void => {
  const { status, stderr } = spawnSync(
    join(bin, 'initdb'),
    ['-D', cluster, '-U', 'broker', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { ...owner, cwd: dirname(cluster) },
  )
  if (status !== 0) throw new Error(`initdb failed: ${stderr.toString()}`)
}

const settings = (port: number, dataDir: string, options: PostgresOptions): string[] =>
  [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${dataDir}`,
    `fsync=${options.fsync ? 'on' : 'off'}`,
    'max_connections=200',
    ...(options.settings ?? []),
  ].flatMap((setting) => ['-c', setting])

const isReady = (bin: string, port: number): boolean =>
  spawnSync(join(bin, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(port)]).status === 0
