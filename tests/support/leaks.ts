// What a run left behind: processes that work in its folder or carry it in their environment. Linux only; elsewhere
// nothing is found.

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { waitUntil } from './wait.ts'

export type Leftover = { pid: number; command: string }

/** The runner's own workers, and the compiler's helpers, which end with those who started them. */
const OWN = /\/vitest\/|esbuild.* --service=/

const END_TIMEOUT_MS = 5_000

/** Gives what is ending the time to end. @returns what still runs after that */
export const leftoversOf = async (folder: string): Promise<Leftover[]> => {
  await waitUntil(() => processesOf(folder).length === 0, { timeoutMs: END_TIMEOUT_MS }).catch(
    () => undefined,
  )
  return processesOf(folder)
}

const processesOf = (folder: string): Leftover[] =>
  (existsSync('/proc') ? readdirSync('/proc') : [])
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => belongsTo(folder, name))
    .map((name) => ({ pid: Number(name), command: commandOf(name) }))
    .filter(({ command }) => !OWN.test(command))

/** Servers overwrite their environment with their title; they work in a folder below ours. */
const belongsTo = (folder: string, name: string): boolean =>
  attempt(() => readlinkSync(`/proc/${name}/cwd`)).startsWith(folder) ||
  attempt(() => readFileSync(`/proc/${name}/environ`, 'utf8')).includes(folder)

const commandOf = (name: string): string =>
  attempt(() => readFileSync(`/proc/${name}/cmdline`, 'utf8'))
    .split('\0')
    .join(' ')
    .trim()

/** Empty for a process that ended while we looked, or is somebody else's. */
const attempt = (read: () => string): string => {
  try {
    return read()
  } catch {
    return ''
  }
}
