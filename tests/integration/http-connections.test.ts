// Connections of the API. A server that closes one that waits before its client does loses the answer to whatever the
// client sends at that moment: "a trigger without an answer" on a busy machine was that.

import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApi, type TestApi } from '../support/api-kit.ts'

let api: TestApi

beforeAll(async () => {
  api = await startApi()
})

afterAll(async () => {
  await api.close()
})

test('a connection is kept for longer than the 60 s of a load balancer, and the answer says so', async () => {
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
  const answer = await new Promise<string>((resolve, reject) => {
    socket.once('data', (bytes) => resolve(bytes.toString('latin1')))
    socket.once('error', reject)
    socket.write('GET /healthz HTTP/1.1\r\nhost: broker\r\n\r\n')
  })
  socket.destroy()
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  expect(answer).toMatch(/\r\nkeep-alive: timeout=75\r\n/i)
})
