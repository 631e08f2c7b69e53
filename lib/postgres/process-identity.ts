// Who holds a folder: a process, told from a later one that got the same number. It knows nothing of what is held.

import { existsSync, readFileSync } from 'node:fs'

/** `started`: ticks since boot at which it started (Linux); elsewhere `0`, and the number alone has to do. */
export type ProcessIdentity = { pid: number; started: string }

export const identityOf = (pid: number): ProcessIdentity => ({ pid, started: startTime(pid) })

/** Whether this very process still lives. */
export const isAlive = ({ pid, started }: ProcessIdentity): boolean => {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  return startTime(pid) === started
}

const startTime = (pid: number): string => {
  const file = `/proc/${pid}/stat`
  if (!existsSync(file)) return '0'
  const stat = readFileSync(file, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0'
}
