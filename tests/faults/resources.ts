// What a process holds (Linux), for invariant I7: memory and file handles come back to where they were.

import { readdirSync, readFileSync } from 'node:fs'

/** Resident memory in MB. */
export const residentMb = (pid: number): number => {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Math.round(Number(match?.[1] ?? 0) / 1024)
}

/** Files and sockets that are open. */
export const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length
