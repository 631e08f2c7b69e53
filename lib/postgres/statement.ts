// One statement on its way: on which connection, planned anew or as before. It knows no error of ours.

import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { Log } from '../broker/ports.ts'

/**
 * `kept`: planned once on each connection, for a statement that is sent many times a second: planning a claim takes twice
 * as long as carrying it out. `fresh`: planned for the values at hand.
 */
export type Plan = 'kept' | 'fresh'

export type RunnerSettings = {
  /** Off for a function: its environments are many, short-lived, and often behind a pooler. On by default. */
  keepPlans?: boolean
  log?: Pick<Log, 'warn'>
}

/** What a server says of a statement. By its form, since PGlite has an error class of its own. */
export const sqlState = (error: unknown): string | undefined => {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

type Statement = { text: string; values: readonly unknown[] }

/**
 * Sends statements. Those whose plan is kept are prepared by name on each connection; a pooler that lends one server's
 * connection to many clients loses such names, which is noticed at the first refusal, and from then on nothing is kept.
 *
 * @returns rows, or the driver's error
 */
export const makeRunner = (pool: pg.Pool, { keepPlans = true, log }: RunnerSettings) => {
  const nameOf = makeNames()
  const send = makeSender(pool)
  let keeps = keepPlans
  const keepNoMore = (state: string) => {
    if (!keeps) return
    keeps = false
    log?.warn('postgres.plans_not_kept', { sqlState: state, effect: 'planned each time' })
  }
  return async <Row>(statement: Statement, plan: Plan): Promise<Row[]> => {
    if (!keeps || plan === 'fresh') return send<Row>(statement)
    try {
      return await send<Row>({ ...statement, name: nameOf(statement.text) })
    } catch (error) {
      const state = sqlState(error)
      if (state === undefined || !UNPREPARED.has(state)) throw error
      // It was refused before anything was carried out.
      keepNoMore(state)
      return send<Row>(statement)
    }
  }
}

// 26000 unknown prepared statement, 42P05 there is one of this name, 0A000 its result changed with a migration.
const UNPREPARED = new Set(['26000', '42P05', '0A000'])

// A plan is made for the tables as they are. One that was made while they were small reads a grown one from end to end
// (measured: six times the work of a fan-out of ten), and PGlite never finds out by itself. So a statement is planned anew
// each time that it has been sent four times as often as when it was planned last.
const FIRST_REPLAN = 16
const REPLAN_FACTOR = 4

/** The same text has the same names in every process: whoever prepared it, it is the same statement. */
const makeNames = () => {
  const known = new Map<string, { base: string; sent: number; replanAt: number; plan: number }>()
  return (text: string): string => {
    const entry = known.get(text) ?? {
      base: hashOf(text),
      sent: 0,
      replanAt: FIRST_REPLAN,
      plan: 1,
    }
    known.set(text, entry)
    entry.sent += 1
    if (entry.sent > entry.replanAt) {
      entry.replanAt *= REPLAN_FACTOR
      entry.plan += 1
    }
    return `broker_${entry.base}_${entry.plan}`
  }
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16)

/**
 * One statement on a connection of the pool. `pool.query` would give up the connection after every error; a statement
 * that a server refused leaves it sound, and the embedded Postgres has only one.
 */
const makeSender = (pool: pg.Pool) => {
  /** What each connection has prepared, by text. */
  const held = new WeakMap<pg.PoolClient, Map<string, string>>()
  const prepare = async (client: pg.PoolClient, text: string, name: string) => {
    const names = held.get(client) ?? new Map<string, string>()
    held.set(client, names)
    const outdated = names.get(text)
    if (outdated === name) return
    names.set(text, name)
    if (outdated !== undefined) await client.query(`deallocate ${outdated}`)
  }
  return async <Row>({ values, ...statement }: Statement & { name?: string }): Promise<Row[]> => {
    const client = await pool.connect()
    let broken = false
    try {
      if (statement.name !== undefined) await prepare(client, statement.text, statement.name)
      const result = await client.query({ ...statement, values: [...values] })
      return result.rows as Row[]
    } catch (error) {
      const state = sqlState(error)
      broken = state === undefined || UNPREPARED.has(state)
      throw error
    } finally {
      client.release(broken)
    }
  }
}
