import { describe, expect, test } from 'vitest'
import { makeAudit } from '../../../lib/broker/audit.ts'
import type { AuditDay } from '../../../lib/broker/ports.ts'
import { makeReadiness } from '../../../lib/broker/readiness.ts'
import { makeRecordingLog } from '../../support/fakes/recording-log.ts'

describe('readiness', () => {
  const up = () => Promise.resolve(true)
  const ping = () => Promise.resolve()

  test('is Postgres; what else is missing only degrades', async () => {
    const optional = {
      redis: () => Promise.reject(new Error('away')),
      workers: () => Promise.resolve(false),
      sweep: up,
    }
    expect(await makeReadiness({ reader: { ping }, optional })()).toEqual({
      ready: true,
      degraded: ['redis', 'workers'],
    })
    expect(await makeReadiness({ reader: { ping }, optional: { redis: up } })()).toEqual({
      ready: true,
      degraded: [],
    })
  })

  test('is not without Postgres', async () => {
    const down = { ping: () => Promise.reject(new Error('away')) }
    expect(await makeReadiness({ reader: down, optional: {} })()).toEqual({
      ready: false,
      degraded: [],
    })
  })
})

describe('the audit', () => {
  const day: AuditDay = {
    day: '2026-01-31',
    messages: 2,
    matched: 10,
    delivered: 4,
    dead: 3,
    cancelled: 2,
    open: 1,
  }

  test('is balanced when every delivery is accounted for', async () => {
    const log = makeRecordingLog()
    const audit = makeAudit({ audits: { days: () => Promise.resolve([day]) }, log })
    expect(await audit('default')).toEqual({ balanced: true, days: [day] })
    expect(log.lines).toEqual([])
  })

  test('says so at error level when one is missing', async () => {
    const log = makeRecordingLog()
    const off = { ...day, delivered: 3 }
    const audit = makeAudit({ audits: { days: () => Promise.resolve([day, off]) }, log })
    expect((await audit('default')).balanced).toBe(false)
    expect(log.lines).toEqual([
      { level: 'error', event: 'audit.mismatch', fields: { tenant: 'default', ...off } },
    ])
  })
})
