// The producer of what the broker is compared with: `addBulk`, payload in the job, no API and no log.

import { randomUUID } from 'node:crypto'
import { Queue } from 'bullmq'
import { offer } from './answering.ts'
import { BARE_QUEUE, type BareJob, type BareLoad } from './bare.ts'
import { fireAll, type Fired } from './lanes.ts'

const queue = new Queue<BareJob>(BARE_QUEUE, {
  connection: { url: process.env['REDIS_URL'] ?? '' },
})
await queue.waitUntilReady()

offer({
  fire: ({ urls, body, pace }: BareLoad): Promise<Fired> =>
    fireAll(pace, async () => {
      const id = `msg_${randomUUID()}`
      await queue.addBulk(
        urls.map((url) => ({
          name: 'delivery',
          data: { id, url, body },
          opts: { removeOnComplete: true, removeOnFail: true },
        })),
      )
      return id
    }),
})
process.once('SIGTERM', () => process.exit(0))
process.stdout.write('ready\n')
