// `npm start` where QStash dispatches: one process with an embedded Postgres, without Redis and without a worker.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../local/services/process.ts'
import { startFakeQstash } from '../support/fake-qstash.ts'
import { startProcess } from '../support/process.ts'
import { qstashEnv } from '../support/qstash-kit.ts'
import { startReceiver } from '../support/receiver.ts'
import { makeClient } from './client.ts'

test('delivers, starts no Redis, and ends when it is told to', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'webhook-broker-qstash-'))
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }))
  const [qstash, receiver, port] = await Promise.all([
    startFakeQstash(),
    startReceiver(),
    freePort(),
  ])
  onTestFinished(async () => {
    await Promise.all([qstash.close(), receiver.close()])
  })
  const url = `http://127.0.0.1:${port}`
  const broker = await startProcess({
    script: 'local/start.ts',
    env: { BROKER_DATA_DIR: dataDir, PORT: String(port), ...qstashEnv(qstash, url) },
    readyLine: /^webhook-broker ready on http:\/\/127\.0\.0\.1:\d+$/,
  })
  onTestFinished(async () => {
    await broker.stop()
  })
  const client = makeClient(() => url)
  await client.register('started', receiver.url)
  const { messageId } = await client.trigger('started')
  await client.untilAll(messageId, 'delivered', 20_000)
  expect(receiver.received).toHaveLength(1)
  expect(qstash.calls.map(({ status }) => status)).toEqual([200])
  expect(readdirSync(dataDir).sort()).toContain('postgres')
  expect(readdirSync(dataDir)).not.toContain('redis')
  expect((await client.request('GET', '/readyz')).json['degraded'] ?? []).toEqual([])
  expect((await broker.stop()).code).toBe(0)
})
