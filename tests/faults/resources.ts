// What a process holds (Linux), and invariant I7: memory, connections and file handles come back to where they were.

import { readdirSync, readFileSync } from 'node:fs'
import { waitUntil } from '../support/wait.ts'

export type Held = {
  /** Resident memory in MB. */
  residentMb: number
  /** Files and sockets that are open, so connections as well. */
  openFiles: number
}

/** Resident memory in MB. @throws Error when there is no such process */
export const residentMb = (pid: number): number => {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Math.round(Number(match?.[1] ?? 0) / 1024)
}

export const heldBy = (pid: number): Held => ({
  residentMb: residentMb(pid),
  openFiles: readdirSync(`/proc/${pid}/fd`).length,
})

/** A process, and what it or its predecessor held when nothing had happened yet. */
export type Watched = { name: string; pid: number; before: Held }

// A pool of Postgres (10) that is as large as it may be for the half minute before it shrinks, and the two connections
// of a request that is just being answered. One connection that leaks with each fault is over it after a few.
const MORE_FILES = 12
// What the collector has not found worth its while. A leak of 1 KB for each delivery of a soak is twice this.
const MORE_MB = 100

/**
 * Invariant I7. Asked when the work is done: resolves when no process holds more than it did, within what is allowed.
 *
 * @returns what each of them holds then
 * @throws Error naming what does not come back in time
 */
export const comeBack = async (
  watched: readonly Watched[],
  timeoutMs = 60_000,
): Promise<Record<string, Held>> => {
  const now = () => watched.map(({ name, pid, before }) => ({ name, before, held: heldBy(pid) }))
  const isBack = ({ before, held }: ReturnType<typeof now>[number]) =>
    held.openFiles <= before.openFiles + MORE_FILES &&
    held.residentMb <= before.residentMb + MORE_MB
  await waitUntil(() => now().every(isBack), { timeoutMs, message: 'I7' }).catch(() => {
    const kept = now().filter((one) => !isBack(one))
    throw new Error(`I7: memory or connections did not come back: ${JSON.stringify(kept)}`)
  })
  return Object.fromEntries(now().map(({ name, held }) => [name, held]))
}
