// One real Redis and one real Postgres for the whole run, on ports and in folders of their own. Tests that flush, kill
// or pause a server start another one.

import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'
import { startPostgres } from '../../local/services/postgres.ts'
import { startRedis } from '../../local/services/redis.ts'
import { leftoversOf } from './leaks.ts'

const run = promisify(execFile)

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
  // All temporary folders of the tests lie below this one: they go with it, and what runs in them is found.
  process.env['TMPDIR'] = folder
  const announce = (line: string) => process.stdout.write(`${line}\n`)
  const [redis, postgres] = await Promise.all([
    startRedis({ dataDir: join(folder, 'redis'), persistence: 'none', announce }),
    // No plug is pulled on this one; the fault tests start theirs with fsync.
    startPostgres({ dataDir: join(folder, 'postgres'), fsync: false, announce }),
    // The tests look at the pages as they are in the sources now.
    run(process.execPath, ['--import', 'tsx', 'dashboard/build.ts', '--if-stale']),
  ])
  project.provide('redisUrl', redis.url)
  project.provide('databaseUrl', postgres.url)
  return async () => {
    await Promise.all([redis.stop(), postgres.stop()])
    const leftovers = await leftoversOf(folder)
    for (const { pid } of leftovers) process.kill(pid, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true })
    if (leftovers.length > 0) {
      const list = leftovers.map(({ pid, command }) => `${pid} ${command}`).join('\n')
      // What the teardown throws is printed, but the run stays green without this.
      process.exitCode = 1
      throw new Error(`the tests left processes behind, which were ended:\n${list}`)
    }
  }
}
