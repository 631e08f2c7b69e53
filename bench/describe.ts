// Where and on what a run was made: without it a figure says nothing.

import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { findPostgres } from '../local/services/postgres.ts'
import { findRedis } from '../local/services/redis.ts'
import type { Result } from './report.ts'
import { POSTGRES_SETTINGS } from './services.ts'

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
export const describeRun = (
  node: string,
  settings: Record<string, unknown>,
): Omit<Result, 'scenarios' | 'failures'> => {
  const redis = findRedis()
  const postgres = findPostgres()
  const version = (file: string): string =>
    /(?:v=|\) |^v)(\d[\w.]*)/.exec(run(file, '--version') ?? '')?.[1] ?? ''
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
      redis: 'file' in redis ? version(redis.file) : '',
      postgres: 'bin' in postgres ? version(join(postgres.bin, 'postgres')) : '',
    },
    settings: {
      ...settings,
      postgres: ['fsync=on', ...POSTGRES_SETTINGS],
      redis: ['appendonly=yes', 'appendfsync=everysec'],
    },
  }
}
