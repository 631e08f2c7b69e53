// Finds server binaries, and installs them only where that is nobody's surprise: as root on Debian or Ubuntu, which is a
// container or CI, announced, and not with BROKER_NO_INSTALL=1.

import { spawnSync } from 'node:child_process'
import { accessSync, constants, readdirSync, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export type Announce = (line: string) => void

/** The first of these names on PATH, or undefined. */
export const onPath = (...names: string[]): string | undefined => {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  for (const name of names) {
    for (const folder of folders) {
      const file = join(folder, name)
      if (isExecutable(file)) return file
    }
  }
  return undefined
}

export const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The newest `<root>/<version>/bin` that holds a binary, as Debian and Homebrew lay Postgres out. */
export const inVersionFolders = (root: string, name: string): string | undefined => {
  if (!existsSync(root)) return undefined
  return readdirSync(root)
    .sort((a, b) => Number.parseFloat(b) - Number.parseFloat(a))
    .map((version) => join(root, version, 'bin', name))
    .find(isExecutable)
}

export const isRoot = (): boolean => process.getuid?.() === 0

const mayInstall = (): boolean =>
  isRoot() && process.env['BROKER_NO_INSTALL'] !== '1' && onPath('apt-get') !== undefined

/** @returns whether the package was installed */
export const installPackage = (name: string, announce: Announce): boolean => {
  if (!mayInstall()) return false
  announce(`installing ${name} with apt-get (BROKER_NO_INSTALL=1 prevents it)`)
  // RUNLEVEL=1 keeps the package's own service from starting: we start our own on a port of our own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const apt = (...args: string[]) =>
    spawnSync('apt-get', ['-qq', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] })
      .status === 0
  return apt('update') && apt('install', '-y', '--no-install-recommends', name)
}

/** The one line that a person needs when a server is missing. */
export const howToInstall = (server: 'redis' | 'postgresql'): string => {
  if (process.platform === 'darwin') return `brew install ${server}`
  if (onPath('apt-get') !== undefined) {
    return `sudo apt-get install ${server === 'redis' ? 'redis-server' : server}`
  }
  if (onPath('dnf') !== undefined)
    return `sudo dnf install ${server === 'redis' ? server : 'postgresql-server'}`
  return `install ${server} with your package manager`
}
