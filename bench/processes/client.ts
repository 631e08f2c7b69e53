// The load: fires triggers at the API, and bare requests at the receiver for the limit.

import { Pool } from 'undici'
import { offer } from './answering.ts'
import { fireAll, type Fired, type Pace } from './lanes.ts'

export type Load = {
  /** `http://127.0.0.1:3000` */
  origin: string
  path: string
  headers: Record<string, string>
  body: string
  pace: Pace
  /** What the answer has to promise. */
  fanOut: number
}

const pools = new Map<string, Pool>()

// A connection for each lane.
const poolOf = (origin: string): Pool => {
  const pool = pools.get(origin) ?? new Pool(origin, { connections: 100, pipelining: 1 })
  pools.set(origin, pool)
  return pool
}

const post = async ({ origin, path, headers, body }: Omit<Load, 'pace' | 'fanOut'>) => {
  const response = await poolOf(origin).request({ method: 'POST', path, headers, body })
  return { statusCode: response.statusCode, text: await response.body.text() }
}

offer({
  fire: (load: Load): Promise<Fired> =>
    fireAll(load.pace, async () => {
      const { statusCode, text } = await post(load)
      const answer = JSON.parse(text) as { messageId: string; deliveries: number }
      if (statusCode !== 202 || answer.deliveries !== load.fanOut)
        throw new Error(`answered ${statusCode}: ${text}`)
      return answer.messageId
    }),
  /** Requests and no broker: the receiver is the only one who works. */
  bare: (load: Load): Promise<Fired> =>
    fireAll(load.pace, async (n) => {
      const id = String(n)
      const headers = { ...load.headers, 'webhook-id': id, 'webhook-delivery-id': id }
      const { statusCode } = await post({ ...load, headers })
      if (statusCode !== 204) throw new Error(`the receiver answered ${statusCode}`)
      return id
    }),
})
setInterval(() => undefined, 60_000)
process.once('SIGTERM', () => process.exit(0))
process.stdout.write('ready\n')
