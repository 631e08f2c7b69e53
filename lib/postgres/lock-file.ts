// A file that says which process holds a folder. A lock whose process is gone, or is another one by now, is taken over,
// by one of those that want it.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { BrokerError } from '../domain/errors.ts'
import { identityOf, isAlive, type ProcessIdentity } from './process-identity.ts'

const POLL_MS = 20
/** Writing a lock and taking one over last microseconds: what is still there after 2 s was left by a process that died
 *  in the middle. */
const PATIENT_POLLS = 100

/**
 * Takes the lock for this process.
 *
 * @param withinProcess whether a lock that this process holds already is refused, or simply its own
 * @returns gives it back
 * @throws BrokerError `conflict` naming the living process that holds it
 */
export const takeLock = async (
  file: string,
  withinProcess: 'refused' | 'shared' = 'refused',
): Promise<() => void> => {
  const { pid, started } = identityOf(process.pid)
  const unlock = () => rmSync(file, { force: true })
  for (let polls = 0; ; polls += 1) {
    if (created(() => writeFileSync(file, `${pid} ${started}`, { flag: 'wx' }))) return unlock
    const holder = readHolder(file)
    if (holder !== undefined && isAlive(holder)) {
      if (holder.pid === pid && withinProcess === 'shared') return unlock
      throw new BrokerError(
        'conflict',
        `the data folder is in use by process ${holder.pid}; stop it, or set BROKER_DATA_DIR to another folder`,
      )
    }
    removeDead(file, polls > PATIENT_POLLS)
    await wait(POLL_MS)
  }
}

/** Two that find the same dead lock must not each remove it: the slower one would remove the lock of the faster one. */
const removeDead = (file: string, isLeftBehind: boolean): void => {
  const guard = `${file}.takeover`
  if (created(() => mkdirSync(guard))) {
    const holder = readHolder(file)
    const isDead = holder === undefined ? isLeftBehind : !isAlive(holder)
    if (isDead) rmSync(file, { force: true })
  } else if (!isLeftBehind) return
  rmSync(guard, { recursive: true, force: true })
}

/** @returns whether `create` made what was not there */
const created = (create: () => void): boolean => {
  try {
    create()
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}

/** Undefined for a lock that is gone, or that is being written at this moment. */
const readHolder = (file: string): ProcessIdentity | undefined => {
  try {
    const [, pid, started] = /^(\d+) (\d+)$/.exec(readFileSync(file, 'utf8')) ?? []
    return pid === undefined || started === undefined ? undefined : { pid: Number(pid), started }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code
