// Where commands are billed, a worker that has nothing to do must cost next to nothing.

import { expect, inject, it, onTestFinished } from 'vitest'
import { startProcess } from '../support/process.ts'
import { hasStarted } from '../support/queue-kit.ts'
import { startTestRedis } from '../support/redis-kit.ts'
import { makeSchema } from '../support/schema.ts'
import { waitUntil } from '../support/wait.ts'

const MINUTE_MS = 60_000

it('an idle worker costs at most one Redis command a minute', { timeout: 120_000 }, async () => {
  const schema = await makeSchema(inject('databaseUrl'))
  onTestFinished(schema.drop)
  const redis = await startTestRedis()
  onTestFinished(redis.stop)
  const worker = await startProcess({
    script: 'local/worker.ts',
    env: {
      DATABASE_URL: schema.url,
      REDIS_URL: redis.url,
      BROKER_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'),
    },
    readyLine: /^webhook-broker worker ready/,
  })
  onTestFinished(async () => {
    await worker.stop()
  })
  await waitUntil(() => hasStarted(redis.admin), { message: 'the worker to wait for a job' })
  await redis.admin.config('RESETSTAT')
  const startedMs = performance.now()
  await waitUntil(() => performance.now() - startedMs >= MINUTE_MS, {
    timeoutMs: 2 * MINUTE_MS,
    message: 'a minute',
  })
  const stats = await redis.admin.info('commandstats')
  const calls = [...stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)]
    .filter(([, name]) => name !== 'config|resetstat')
    .reduce((sum, [, , count]) => sum + Number(count), 0)
  expect(calls).toBeLessThanOrEqual(1)
  // The control: it is alive, and stops as it should.
  expect((await worker.stop()).code).toBe(0)
})
