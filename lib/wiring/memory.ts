// Looks once a second at how much memory the process has left, and tells when that is too little, or enough again.

import { getHeapStatistics } from 'node:v8'
import { underPressure, type Memory } from '../domain/memory-pressure.ts'
import type { Log } from '../broker/ports.ts'

export type MemoryWatch = { isShort(): boolean; close(): void }

export type MemoryWatchOptions = {
  /** Told of every change. */
  onChange(short: boolean): void
  log: Log
  /** Replaceable in tests. */
  read?: () => Memory[]
}

const LOOK_MS = 1_000

export const watchMemory = ({
  onChange,
  log,
  read = readMemory,
}: MemoryWatchOptions): MemoryWatch => {
  let short = false
  const look = () => {
    const pools = read()
    const now = underPressure(short, pools)
    if (now === short) return
    short = now
    log.warn(short ? 'memory.short' : 'memory.enough', { pools })
    onChange(short)
  }
  const timer = setInterval(look, LOOK_MS)
  timer.unref()
  return { isShort: () => short, close: () => clearInterval(timer) }
}

/** The heap, and what a container allows the whole process; where nothing limits it, the second says nothing. */
const readMemory = (): Memory[] => {
  const { used_heap_size: usedBytes, heap_size_limit: limitBytes } = getHeapStatistics()
  const constrained = process.constrainedMemory()
  return [
    { usedBytes, limitBytes },
    ...(constrained > 0 && constrained < Number.MAX_SAFE_INTEGER
      ? [{ usedBytes: process.memoryUsage.rss(), limitBytes: constrained }]
      : []),
  ]
}
