// The worker of what the broker is compared with: BullMQ's own, which posts and forgets.

import { Worker } from 'bullmq'
import { Agent, request } from 'undici'
import { BARE_QUEUE, type BareJob } from './bare.ts'

const dispatcher = new Agent({ connections: 100 })

const worker = new Worker<BareJob>(
  BARE_QUEUE,
  async ({ id: jobId, data: { id, url, body } }) => {
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-delivery-id': String(jobId),
    }
    const { statusCode, body: answer } = await request(url, {
      method: 'POST',
      headers,
      body,
      dispatcher,
    })
    await answer.dump()
    if (statusCode !== 204) throw new Error(`the receiver answered ${statusCode}`)
  },
  {
    connection: { url: process.env['REDIS_URL'] ?? '' },
    concurrency: Number(process.env['CONCURRENCY']),
  },
)
await worker.waitUntilReady()
process.once('SIGTERM', () => process.exit(0))
process.stdout.write('ready\n')
