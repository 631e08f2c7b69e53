// Where and on what a run was made: without it a figure says nothing.

import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'
import { Redis } from 'ioredis'
import type { Result } from './report.ts'
import { POSTGRES_SETTINGS, type Services } from './services.ts'

const run = (file: string, ...args: string[]): string | undefined => {
  try {
    return execFileSync(file, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    // Not a checkout, say.
    return undefined
  }
}

/** @param node the binary of the processes that are measured */
export const describeRun = async (
  { redis, sql }: Services,
  node: string,
  settings: Record<string, unknown>,
): Promise<Omit<Result, 'scenarios'>> => {
  const [row] = await sql<{ version: string }>(
    "select current_setting('server_version') as version",
  )
  const connection = new Redis(redis.url)
  const info = await connection.info('server')
  connection.disconnect()
  return {
    date: new Date().toISOString(),
    commit: run('git', 'describe', '--always', '--dirty') ?? '',
    machine: {
      cpus: cpus().length,
      model: cpus()[0]?.model.trim() ?? '',
      memoryGb: Math.round(totalmem() / 2 ** 30),
      system: `${process.platform} ${release()}`,
    },
    versions: {
      node: run(node, '--version') ?? '',
      redis: /redis_version:(\S+)/.exec(info)?.[1] ?? '',
      postgres: row?.version ?? '',
    },
    settings: {
      ...settings,
      postgres: ['fsync=on', ...POSTGRES_SETTINGS],
      redis: ['appendonly=yes', 'appendfsync=everysec'],
    },
  }
}
