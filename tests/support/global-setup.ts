// One real Redis and one real Postgres for the whole run, on ports and in folders of their own. Tests that flush, kill
// or pause a server start another one.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startPostgres } from '../../local/services/postgres.ts'
import { startRedis } from '../../local/services/redis.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    redisUrl: string
    databaseUrl: string
  }
}

export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-tests-'))
  // The Postgres server runs as another user and must reach its folder.
  chmodSync(folder, 0o755)
  const announce = (line: string) => process.stdout.write(`${line}\n`)
  const [redis, postgres] = await Promise.all([
    startRedis({ dataDir: join(folder, 'redis'), persistence: 'none', announce }),
    // No plug is pulled on this one; the fault tests start theirs with fsync.
    startPostgres({ dataDir: join(folder, 'postgres'), fsync: false, announce }),
  ])
  project.provide('redisUrl', redis.url)
  project.provide('databaseUrl', postgres.url)
  return async () => {
    await Promise.all([redis.stop(), postgres.stop()])
    rmSync(folder, { recursive: true, force: true })
  }
}
