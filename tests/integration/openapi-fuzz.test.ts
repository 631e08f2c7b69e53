// Thousands of requests made up from the OpenAPI document, to the real API over real stores: no answer is a 5xx, and
// each is one that the document names, with a body that fits its schema.

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApi, type TestApi } from '../support/api-kit.ts'
import { faultOf, operations } from '../support/openapi-check.ts'
import { requestsTo, type Known, type MadeRequest } from '../support/openapi-fuzz.ts'

// The same requests each time; FUZZ_SEED and FUZZ_REQUESTS look further.
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_260_131)
const MINIMUM = Number(process.env['FUZZ_REQUESTS'] ?? 5_000)
const all = operations()
const runsEach = Math.ceil(MINIMUM / all.length)

let api: TestApi
const known: Known = { eventNames: ['upload_image', 'order.paid'], ids: [] }
let sent = 0
const statuses = new Map<number, number>()
beforeAll(async () => {
  api = await startApi()
  const idOf = async (path: string, json: unknown, field: string) =>
    String((await api.call('POST', path, { json })).json[field])
  for (const [index, eventName] of known.eventNames.entries()) {
    for (const path of ['a', 'b']) {
      const webhookUrl = `http://127.0.0.1:4000/${path}/${index}`
      known.ids.push(await idOf('/api/v0/webhooks', { eventName, webhookUrl }, 'id'))
    }
    known.ids.push(await idOf(`/api/v0/trigger-event/${eventName}`, { index }, 'messageId'))
  }
  const { json } = await api.call('GET', '/api/v0/deliveries')
  known.ids.push(...(json['deliveries'] as { id: string }[]).map(({ id }) => id))
})
afterAll(() => api.close())

const send = async (method: string, { path, key, headers, body }: MadeRequest) => {
  const isBody = body !== undefined && method !== 'GET'
  const answer = await api.call(method, path, {
    key,
    headers: isBody ? { 'content-type': 'application/json', ...headers } : headers,
    ...(isBody ? { body: body as string } : {}),
  })
  sent += 1
  statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
  return answer
}

describe(`requests made up with the seed ${SEED}`, () => {
  it.each(all)(
    'to $name are answered as the document says',
    async (documented) => {
      await fc.assert(
        fc.asyncProperty(requestsTo(documented, known), async (request) => {
          const answer = await send(documented.method, request)
          expect(faultOf(documented.operation, answer)).toBeUndefined()
        }),
        { seed: SEED, numRuns: runsEach },
      )
    },
    120_000,
  )

  it(`are ${MINIMUM} or more, and not only refused`, () => {
    expect(sent).toBeGreaterThanOrEqual(MINIMUM)
    expect(statuses.get(200)).toBeGreaterThan(200)
    expect([...statuses.keys()].sort()).toEqual(
      expect.arrayContaining([200, 201, 202, 204, 400, 401, 403, 404]),
    )
  })
})
