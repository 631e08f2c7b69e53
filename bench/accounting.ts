// What processes used, by the accounting of the operating system (Linux): CPU time of whole trees, and memory.

import { readdirSync, readFileSync } from 'node:fs'

/** The kernel counts CPU time in hundredths of a second on every Linux that Node supports. */
const MS_PER_TICK = 10
const KB_PER_MB = 1_024

type Stat = { parent: number; cpuMs: number }

/** Parts of the run, each with the processes at its root. */
export type Parts = Readonly<Record<string, readonly number[]>>

const statOf = (pid: number): Stat | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // utime, stime, and those of children that have ended and were waited for (proc(5), fields 14 to 17).
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    return { parent: Number(fields[1]), cpuMs: ticks * MS_PER_TICK }
  } catch {
    // It has just ended; its parent has its time.
    return undefined
  }
}

const allStats = (): Map<number, Stat> => {
  const stats = new Map<number, Stat>()
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined
    if (stat !== undefined) stats.set(Number(name), stat)
  }
  return stats
}

const treeOf = (root: number, stats: ReadonlyMap<number, Stat>): number[] => {
  const children = [...stats].filter(([, { parent }]) => parent === root).map(([pid]) => pid)
  return [root, ...children.flatMap((pid) => treeOf(pid, stats))]
}

/** CPU milliseconds so far by part: of its processes, their children, and children that have ended. */
export const cpuMsOf = (parts: Parts): Record<string, number> => {
  const stats = allStats()
  return mapParts(parts, (roots) =>
    roots
      .flatMap((root) => treeOf(root, stats))
      .reduce((sum, pid) => sum + (stats.get(pid)?.cpuMs ?? 0), 0),
  )
}

const statusKb = (pid: number, field: string): number => {
  try {
    const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(
      readFileSync(`/proc/${pid}/status`, 'utf8'),
    )
    return Number(match?.[1] ?? 0)
  } catch {
    return 0
  }
}

/**
 * Resident MB by part: of the largest process of a part. Sessions of Postgres share their buffers: there it is what each
 * has of its own, summed, and the shared memory once.
 */
export const residentMbOf = (parts: Parts): Record<string, number> => {
  const stats = allStats()
  return mapParts(parts, (roots, part) => {
    if (part !== 'postgres')
      return Math.max(...roots.map((pid) => statusKb(pid, 'VmRSS'))) / KB_PER_MB
    const tree = roots.flatMap((root) => treeOf(root, stats))
    const own = tree.reduce((sum, pid) => sum + statusKb(pid, 'RssAnon'), 0)
    return (own + Math.max(...tree.map((pid) => statusKb(pid, 'RssShmem')))) / KB_PER_MB
  })
}

const mapParts = (
  parts: Parts,
  of: (roots: readonly number[], part: string) => number,
): Record<string, number> =>
  Object.fromEntries(Object.entries(parts).map(([part, roots]) => [part, of(roots, part)]))

const SAMPLE_MS = 250

/** Looks at the memory until it is stopped. @returns the highest of each part, in MB */
export const watchMemory = (parts: Parts): { stop(): Record<string, number> } => {
  let peaks = residentMbOf(parts)
  const look = () => {
    const now = residentMbOf(parts)
    peaks = mapParts(parts, (_, part) => Math.max(peaks[part] ?? 0, now[part] ?? 0))
  }
  const timer = setInterval(look, SAMPLE_MS)
  return {
    stop: () => {
      clearInterval(timer)
      look()
      return peaks
    },
  }
}
