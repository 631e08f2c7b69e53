// A real Redis of a test's own, to be flushed, filled, frozen, killed and started again on the same port.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Log } from '../../lib/broker/ports.ts'
import { freePort } from '../../local/services/process.ts'
import { startRedis } from '../../local/services/redis.ts'

export type TestRedis = {
  url: string
  port: number
  /** A client that sees everything and is closed with the server. */
  admin: Redis
  /** SIGSTOP and SIGCONT: connections stay, nothing answers. */
  freeze(): void
  thaw(): void
  /** kill -9 */
  kill(): Promise<void>
  /** After `kill`: on the same port; empty, unless it keeps an append-only file. */
  startAgain(): Promise<void>
  stop(): Promise<void>
}

export const startTestRedis = async (persistence: 'none' | 'aof' = 'none'): Promise<TestRedis> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'webhook-broker-redis-'))
  const port = await freePort()
  let alive = true
  let server = await startRedis({ dataDir, persistence, port })
  const admin = new Redis(server.url, { retryStrategy: () => 50, maxRetriesPerRequest: null })
  admin.on('error', () => undefined)
  return {
    url: server.url,
    port,
    admin,
    freeze: () => process.kill(server.pid, 'SIGSTOP'),
    thaw: () => process.kill(server.pid, 'SIGCONT'),
    kill: async () => {
      alive = false
      await server.kill()
    },
    startAgain: async () => {
      server = await startRedis({ dataDir, persistence, port })
      alive = true
    },
    stop: async () => {
      admin.disconnect()
      // A frozen server would not hear that it shall stop.
      if (alive) process.kill(server.pid, 'SIGCONT')
      await server.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

export type LogLine = {
  level: 'info' | 'warn' | 'error'
  event: string
  fields: Record<string, unknown>
}

/** A log that keeps its lines. */
export const makeMemoryLog = (): Log & { lines: LogLine[]; events(): string[] } => {
  const lines: LogLine[] = []
  const keep = (level: LogLine['level']) => (event: string, fields: Record<string, unknown>) => {
    lines.push({ level, event, fields })
  }
  return {
    lines,
    events: () => lines.map(({ event }) => event),
    info: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
  }
}

/** A legal delivery id that a test can recognise: the n-th. */
export const deliveryId = (n: number): string => `dlv_${String(n).padStart(26, '0')}`

export const deliveryIds = (count: number, first = 0): string[] =>
  Array.from({ length: count }, (_, n) => deliveryId(first + n))

export const jobsOf = (ids: readonly string[], delayMs = 0) =>
  ids.map((id) => ({ deliveryId: id, delayMs }))
