// What a worker tells BullMQ in one turn leaves in one write: the answers must be those of single writes.

import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest'
import { writeOncePerTurn } from '../../lib/queue/one-write.ts'
import { randomPrefix } from '../support/schema.ts'

const key = `${randomPrefix()}-counter`
let redis: Redis
let writes: number[]

beforeAll(async () => {
  redis = writeOncePerTurn(new Redis(inject('redisUrl'), { maxRetriesPerRequest: null }))
  await redis.ping()
  watchWrites()
})
beforeEach(() => {
  writes = []
})
afterAll(async () => {
  await redis.del(key)
  redis.disconnect()
})

/** How many commands lie in each write of the socket. */
const watchWrites = () => {
  const { stream } = redis
  const writev = stream._writev?.bind(stream)
  const write = stream._write.bind(stream)
  stream._writev = (chunks, done) => {
    writes.push(chunks.length)
    writev?.(chunks, done)
  }
  stream._write = (chunk, encoding, done) => {
    writes.push(1)
    write(chunk, encoding, done)
  }
}

it('sends the commands of one turn together, and answers them in order', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, () => redis.incr(key)))
  expect(answers).toEqual(Array.from({ length: 50 }, (_, n) => n + 1))
  expect(writes).toEqual([50])
})

it('sends a command that comes alone in the turn in which it came', async () => {
  expect(await redis.get(key)).toBe('50')
  expect(writes).toEqual([1])
})

it('loses nothing when the connection breaks in the turn', async () => {
  const asked = Array.from({ length: 20 }, () => redis.ping())
  redis.stream.destroy()
  expect(await Promise.all(asked)).toEqual(Array.from({ length: 20 }, () => 'PONG'))
  expect(await redis.get(key)).toBe('50')
})
