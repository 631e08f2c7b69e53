// The runbook's "Restoring from a backup", done: a real dump of a broker in use, restored after more has happened, with a
// Redis that was emptied as the page says.

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { findPostgres } from '../../local/services/postgres.ts'
import { startRedis, type RedisServer } from '../../local/services/redis.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'
import { startBroker, urlOf, type Broker } from './support.ts'
import { makeClient } from './client.ts'

const run = promisify(execFile)

let folder: string
let redis: RedisServer
let receiver: Receiver
let broker: Broker

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'webhook-broker-restore-'))
  redis = await startRedis({ dataDir: join(folder, 'redis'), persistence: 'none' })
  receiver = await startReceiver()
  // Long enough that nothing dies meanwhile.
  const schedule = Array(50).fill('500ms').join(',')
  broker = await startBroker({ redisUrl: redis.url, env: { BROKER_RETRY_SCHEDULE: schedule } })
})
afterAll(async () => {
  await broker.stop()
  await receiver.close()
  await redis.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('after a restore nothing of the backup is lost, what ended since is sent again, and routing is that of the backup', async () => {
  await broker.register('kept', `${receiver.url}/kept`)
  const before = await broker.trigger('kept', { body: '"before"' })
  await broker.untilAll(before.messageId, 'delivered')
  receiver.answer = 503
  const open = await broker.trigger('kept', { body: '"open"' })
  await broker.untilAll(open.messageId, 'retrying')

  const dump = await dumpSchema()
  receiver.answer = 200
  await broker.untilAll(open.messageId, 'delivered')
  await broker.register('kept', `${receiver.url}/registered-later`)
  const later = await broker.trigger('kept', { body: '"later"' })
  await broker.untilAll(later.messageId, 'delivered')

  await Promise.all([broker.api.stop(), broker.worker.stop(), broker.sweep.stop()])
  await restoreSchema(dump)
  const connection = new Redis(redis.url)
  await connection.flushdb()
  connection.disconnect()
  const sentBefore = receiver.received.length
  const [api] = await Promise.all([
    broker.start('api'),
    broker.start('worker'),
    broker.start('sweep'),
  ])
  const client = makeClient(() => urlOf(api))

  // Delivered after the backup: open again, and sent a second time under the id that the receiver has seen.
  await client.untilAll(open.messageId, 'delivered')
  const again = receiver.received.slice(sentBefore)
  expect(again.map(({ body }) => body.toString())).toEqual(['"open"'])
  expect(again[0]?.headers['webhook-id']).toBe(open.messageId)
  await client.untilAll(before.messageId, 'delivered')
  // What was accepted and registered after the backup is gone.
  expect((await client.request('GET', `/api/v0/messages/${later.messageId}`)).status).toBe(404)
  const fresh = await client.trigger('kept', { body: '"fresh"' })
  expect(fresh.deliveries).toBe(1)
  await client.untilAll(fresh.messageId, 'delivered')
  expect(receiver.received.at(-1)?.url).toBe('/kept')
  await waitUntil(async () => {
    const { json } = await client.request('GET', '/api/v0/audit')
    return json['balanced'] === true
  })
})

const schemaName = (): string => {
  const [, name = ''] = /search_path=(\w+)/.exec(decodeURIComponent(broker.schema.url)) ?? []
  return name
}

const dumpSchema = async (): Promise<string> => {
  const found = findPostgres()
  if ('advice' in found) throw new Error(found.advice)
  const { stdout } = await run(
    join(found.bin, 'pg_dump'),
    ['--schema', schemaName(), '--inserts', inject('databaseUrl')],
    { maxBuffer: 100_000_000 },
  )
  // What only psql understands.
  return stdout.replaceAll(/^\\.*$/gm, '')
}

const restoreSchema = async (dump: string): Promise<void> => {
  const admin = new pg.Client({ connectionString: inject('databaseUrl') })
  await admin.connect()
  await admin.query(`drop schema ${schemaName()} cascade`)
  await admin.query(dump)
  await admin.end()
}
