// Pages of webhooks and deliveries.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KEYS, problemOf, startApi, type TestApi } from '../support/api-kit.ts'

let api: TestApi
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const register = async (eventName: string, key: string = KEYS.full) => {
  const answer = await api.call('POST', '/api/v0/webhooks', {
    key,
    json: { eventName, webhookUrl: 'http://127.0.0.1:4000/h' },
  })
  expect([200, 201]).toContain(answer.status)
}

type Page = {
  webhooks: { eventName: string }[]
  total: number
  pageSize: number
  offset: number
  nextOffset: number | null
  nextCursor: string | null
}
const page = async (query: string, key: string = KEYS.other): Promise<Page> => {
  const answer = await api.call('GET', `/api/v0/webhooks?${query}`, { key })
  expect(answer.status).toBe(200)
  return answer.json as Page
}

/** All names in the order of the pages. `between` runs after each page. */
const walk = async (by: 'nextOffset' | 'nextCursor', between?: (page: number) => Promise<void>) => {
  const names: string[] = []
  let query = 'page_size=10'
  for (let number = 1; ; number += 1) {
    const { webhooks, ...rest } = await page(query)
    names.push(...webhooks.map(({ eventName }) => eventName))
    const next = rest[by]
    if (next === null) return names
    query = `page_size=10&${by === 'nextOffset' ? 'offset' : 'cursor'}=${next}`
    await between?.(number)
  }
}

// O-PAGE-1: `parseInt(x) || 0` let negatives through to the database, and 10abc meant 10.
describe('a page that cannot be', () => {
  it.each(['0', '-1', 'abc', '1.5', '', '10abc', '201', '1e2', '0x10', '+5', '٣', '9'.repeat(30)])(
    'page_size=%s is 400 naming the field, in every list',
    async (value) => {
      for (const path of ['webhooks', 'webhooks/a', 'deliveries']) {
        const answer = await api.call(
          'GET',
          `/api/v0/${path}?page_size=${encodeURIComponent(value)}`,
        )
        expect(problemOf(answer)).toEqual({
          status: 400,
          code: 'invalid_request',
          fields: ['page_size'],
        })
      }
    },
  )

  it.each(['-1', 'abc', 'NaN', '1.5', '', '10abc', 'Infinity', '9'.repeat(30)])(
    'offset=%s is 400 naming the field',
    async (value) => {
      const answer = await api.call('GET', `/api/v0/webhooks?offset=${value}`)
      expect(problemOf(answer)).toEqual({
        status: 400,
        code: 'invalid_request',
        fields: ['offset'],
      })
    },
  )

  it('with two faults names both', async () => {
    const answer = await api.call('GET', '/api/v0/webhooks?page_size=0&offset=-1')
    expect(problemOf(answer).fields).toEqual(['page_size', 'offset'])
  })

  it.each(['page_size', 'offset', 'cursor'])('%s given twice is 400', async (name) => {
    const answer = await api.call('GET', `/api/v0/webhooks?${name}=1&${name}=2`)
    expect(problemOf(answer)).toEqual({ status: 400, code: 'invalid_request', fields: [name] })
  })

  // Some of these reached Postgres, which refused them with an error of its own: 500.
  const cursorOf = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url')
  const ID = `wh_${'0'.repeat(26)}`
  it.each([
    ['empty', ''],
    ['no base64', '%21%21'],
    ['no JSON', 'abcd'],
    ['another version', cursorOf(2, '2026-01-01 00:00:00+00', ID)],
    ['a part too few', cursorOf(1, '2026-01-01 00:00:00+00')],
    ['a number for an id', cursorOf(1, '2026-01-01 00:00:00+00', 5)],
    ['the id of something else', cursorOf(1, '2026-01-01 00:00:00+00', `dlv_${'0'.repeat(26)}`)],
    ['month 13', cursorOf(1, '2026-13-01 00:00:00+00', ID)],
    ['30 February', cursorOf(1, '2026-02-30 00:00:00+00', ID)],
    ['an offset of 99 hours', cursorOf(1, '2026-01-01 00:00:00+99', ID)],
    ['the year 0', cursorOf(1, '0000-01-01 00:00:00+00', ID)],
    ['SQL', cursorOf(1, "2026-01-01 00:00:00+00' or true --", ID)],
    ['600 characters', 'a'.repeat(600)],
  ])('a cursor that is %s is 400', async (_what, cursor) => {
    const answer = await api.call('GET', `/api/v0/webhooks?cursor=${cursor}`)
    expect(problemOf(answer)).toEqual({ status: 400, code: 'invalid_request', fields: ['cursor'] })
  })
})

describe('a page that can be', () => {
  it('takes 50 where nothing is said, and the bounds 1 and 200', async () => {
    expect(await page('', KEYS.full)).toEqual({
      webhooks: [],
      total: 0,
      pageSize: 50,
      offset: 0,
      nextOffset: null,
      nextCursor: null,
    })
    expect((await page('page_size=1', KEYS.full)).pageSize).toBe(1)
    expect((await page('page_size=200', KEYS.full)).pageSize).toBe(200)
  })
})

// O-PAGE-2: pages over data without an order repeated some rows and never showed others.
describe('a walk over 25 webhooks', () => {
  const names = Array.from({ length: 25 }, (_, n) => `e${String(n + 1).padStart(2, '0')}`)
  beforeAll(async () => {
    for (const name of names) await register(name, KEYS.other)
  })

  it.each(['nextOffset', 'nextCursor'] as const)(
    'by %s shows each once, oldest first, twice the same',
    async (by) => {
      expect(await walk(by)).toEqual(names)
      expect(await walk(by)).toEqual(names)
    },
  )

  it('says the total on every page, and past the end', async () => {
    const { webhooks, ...last } = await page('page_size=10&offset=20')
    expect(webhooks).toHaveLength(5)
    expect(last).toEqual({
      total: 25,
      pageSize: 10,
      offset: 20,
      nextOffset: null,
      nextCursor: null,
    })
    expect(await page('page_size=10&offset=25')).toMatchObject({ webhooks: [], total: 25 })
    expect(await page('page_size=10&offset=999999')).toMatchObject({ webhooks: [], total: 25 })
  })

  it('ends without an empty page when the last one is full', async () => {
    expect(await page('page_size=5&offset=20')).toMatchObject({
      nextOffset: null,
      nextCursor: null,
    })
    expect(await page('page_size=5&offset=15')).toMatchObject({ nextOffset: 20 })
  })

  it.each(['nextOffset', 'nextCursor'] as const)(
    'by %s misses none and repeats none while others are added and registered again',
    async (by) => {
      const seen = await walk(by, async (number) => {
        await register(`added-${by}-${number}`, KEYS.other)
        await register('e03', KEYS.other)
        await register('e24', KEYS.other)
      })
      expect(seen.filter((name) => name.startsWith('e'))).toEqual(names)
      expect(new Set(seen).size).toBe(seen.length)
    },
  )

  it('of one event pages in the same way', async () => {
    for (const path of ['a', 'b', 'c']) {
      await api.call('POST', '/api/v0/webhooks', {
        json: { eventName: 'many', webhookUrl: `http://127.0.0.1:4000/${path}` },
      })
    }
    const first = await api.call('GET', '/api/v0/webhooks/many?page_size=2')
    expect(first.json).toMatchObject({ total: 3, pageSize: 2, offset: 0, nextOffset: 2 })
    const second = await api.call(
      'GET',
      `/api/v0/webhooks/many?page_size=2&cursor=${String(first.json['nextCursor'])}`,
    )
    expect(second.json).toMatchObject({ total: 3, nextOffset: null, nextCursor: null })
    const urls = [first, second].flatMap(({ json }) =>
      (json['webhooks'] as { webhookUrl: string }[]).map(({ webhookUrl }) => webhookUrl),
    )
    expect(urls).toEqual(['a', 'b', 'c'].map((path) => `http://127.0.0.1:4000/${path}`))
    expect((await api.call('GET', '/api/v0/webhooks/nobody')).json).toMatchObject({
      webhooks: [],
      total: 0,
    })
  })
})
