// How Postgres reads a page of the log: through an index, and hardly more rows than are shown, whatever it is filtered
// by. Times depend on the machine; plans are what keeps them short (bench/list.ts has the times).

import { CompiledQuery } from 'kysely'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { fill, type Filled } from '../../bench/fill.ts'
import type { DeliveryQuery } from '../../lib/broker/ports.ts'
import { deliveriesStatement, messagesStatement } from '../../lib/postgres/log-pages.ts'
import { makeLogReader } from '../../lib/postgres/log-reader.ts'
import { makeSchema, type TestSchema } from '../support/schema.ts'

const DELIVERIES = 30_000
const PAGE = 50

let schema: TestSchema
let filled: Filled
beforeAll(async () => {
  schema = await makeSchema(inject('databaseUrl'))
  filled = await fill(schema.database, DELIVERIES)
})
afterAll(() => schema.drop())

type Node = {
  'Node Type': string
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  Plans?: Node[]
}

type Compilable = { compile: (db: TestSchema['database']['kysely']) => CompiledQuery }

/** The reads of the log in a plan: which way, and how many rows of it were looked at. */
const readsOf = async (statement: Compilable) => {
  const { sql, parameters } = statement.compile(schema.database.kysely)
  const { rows } = await schema.database.kysely.executeQuery<{ 'QUERY PLAN': { Plan: Node }[] }>(
    CompiledQuery.raw(`explain (analyze, format json) ${sql}`, [...parameters]),
  )
  const walk = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(walk)]
  const plan = rows[0]?.['QUERY PLAN'][0]?.Plan
  if (plan === undefined) throw new Error('there is no plan')
  return walk(plan)
    .filter((node) => ['deliveries', 'messages'].includes(node['Relation Name'] ?? ''))
    .map((node) => ({
      how: node['Node Type'],
      rows: (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'],
    }))
}

// The webhooks 1 to 20 have been silent for most of the week: what is asked for lies far from the newest.
const silent = { webhookId: `wh_${'7'.padStart(26, '0')}` }
const busy = { webhookId: `wh_${'57'.padStart(26, '0')}` }
const at = (share: number) => new Date(filled.fromMs + share * (filled.toMs - filled.fromMs))

const SHAPES: [string, () => Partial<DeliveryQuery>][] = [
  ['nothing', () => ({})],
  ['a common status', () => ({ status: 'delivered' })],
  ['a rare status', () => ({ status: 'cancelled' })],
  ['an event', () => ({ eventName: 'event-7' })],
  ['a busy webhook', () => busy],
  ['a silent webhook', () => silent],
  ['a message', () => ({ messageId: filled.messageIds[3] })],
  ['a time from', () => ({ from: at(0.99) })],
  ['a time to', () => ({ to: at(0.3) })],
  ['a window', () => ({ from: at(0.3), to: at(0.31) })],
  ['status and event', () => ({ status: 'dead', eventName: 'event-7' })],
  ['status and a busy webhook', () => ({ status: 'cancelled', ...busy })],
  ['status and a silent webhook', () => ({ status: 'delivered', ...silent })],
  ['status and message', () => ({ status: 'delivered', messageId: filled.messageIds[3] })],
  ['status and from', () => ({ status: 'retrying', from: at(0.5) })],
  ['status and to', () => ({ status: 'dead', to: at(0.5) })],
  ['event and webhook', () => ({ eventName: 'event-17', ...busy })],
  ['event and message', () => ({ eventName: 'event-7', messageId: filled.messageIds[3] })],
  ['event and from', () => ({ eventName: 'event-7', from: at(0.99) })],
  ['event and to', () => ({ eventName: 'event-7', to: at(0.3) })],
  ['webhook and message', () => ({ ...busy, messageId: filled.messageIds[3] })],
  ['a silent webhook and from', () => ({ ...silent, from: at(0.9) })],
  ['a busy webhook and to', () => ({ ...busy, to: at(0.3) })],
  ['a cursor', () => ({ beforeId: `dlv_${(filled.messageIds[50] ?? '').slice(4)}` })],
]

describe('a page of deliveries filtered by', () => {
  it.each(SHAPES)('%s reads an index, and no more rows than six pages', async (_name, filter) => {
    const query = { tenant: 'default', pageSize: PAGE, ...filter() }
    const reads = await readsOf(deliveriesStatement(query))
    expect(reads.length).toBeGreaterThan(0)
    expect(reads.map(({ how }) => how)).not.toContain('Seq Scan')
    const rows = reads.reduce((sum, read) => sum + read.rows, 0)
    // A page for each status, and the rows of one.
    expect(rows).toBeLessThanOrEqual(6 * (PAGE + 1))
  })
})

describe('what the fill made', () => {
  it('has enough of everything to be found', async () => {
    const reader = makeLogReader(schema.database)
    const count = async (filter: Partial<DeliveryQuery>) =>
      (await reader.deliveries({ tenant: 'default', pageSize: PAGE, ...filter })).deliveries.length
    expect(await count({})).toBe(PAGE)
    expect(await count({ status: 'cancelled' })).toBe(PAGE)
    expect(await count({ status: 'dead', ...silent })).toBeGreaterThan(0)
    expect(await count({ status: 'delivered', ...silent })).toBe(0)
    expect(await count({ eventName: 'event-17', ...busy })).toBe(PAGE)
    expect(await count({ messageId: filled.messageIds[3] })).toBe(2)
    expect(await count({ from: at(0.3), to: at(0.31) })).toBe(PAGE)
  })
})

describe('a page of messages filtered by', () => {
  it.each([
    ['nothing', () => ({})],
    ['an event', () => ({ eventName: 'event-7' })],
    ['an event and a window', () => ({ eventName: 'event-7', from: at(0.3), to: at(0.4) })],
  ] as const)('%s reads an index, and no more rows than it needs', async (_name, filter) => {
    const reads = await readsOf(
      messagesStatement({ tenant: 'default', pageSize: PAGE, ...filter() }),
    )
    expect(reads.map(({ how }) => how)).not.toContain('Seq Scan')
    const rows = reads.reduce((sum, read) => sum + read.rows, 0)
    // Once for the id, once for the row.
    expect(rows).toBeLessThanOrEqual(2 * (PAGE + 1))
  })
})

// Its place among the most frequent is what Postgres still believes.
describe('an event that was frequent and has fallen silent', () => {
  beforeAll(async () => {
    for (const table of ['messages', 'deliveries']) {
      await schema.sql(`delete from ${table} where event_name = 'event-3' and created_at > $1`, [
        at(0.4),
      ])
    }
  })

  it('is found without reading what came since', async () => {
    const window = { from: at(0.3), to: at(0.6) }
    const query = { tenant: 'default', pageSize: PAGE, eventName: 'event-3', ...window }
    for (const statement of [messagesStatement(query), deliveriesStatement(query)]) {
      const reads = await readsOf(statement)
      expect(reads.map(({ how }) => how)).not.toContain('Seq Scan')
      const rows = reads.reduce((sum, read) => sum + read.rows, 0)
      expect(rows).toBeLessThanOrEqual(6 * (PAGE + 1))
    }
  })
})
