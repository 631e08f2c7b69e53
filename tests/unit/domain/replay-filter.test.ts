import { describe, expect, it } from 'vitest'
import { BrokerError } from '../../../lib/domain/errors.ts'
import {
  acceptReplayFilter,
  readStoredFilter,
  storedFilter,
  type ReplayFilter,
} from '../../../lib/domain/replay-filter.ts'

const WEBHOOK = 'wh_01k9m6tqwd8f3v4e0s5n2x7abc'
const early = new Date('2026-01-31T12:00:00Z')
const late = new Date('2026-01-31T13:00:00Z')

const faultOf = (filter: ReplayFilter): string | undefined => {
  try {
    acceptReplayFilter(filter)
    return undefined
  } catch (error) {
    return error instanceof BrokerError ? error.faults[0]?.field : String(error)
  }
}

describe('a filter', () => {
  it.each<[string, ReplayFilter, string]>([
    ['without a field', {}, 'filter'],
    ['whose fields are all undefined', { status: undefined }, 'filter'],
    ['with an empty list of ids', { ids: [] }, 'filter.ids'],
    ['with an empty list of ids beside another field', { ids: [], status: 'dead' }, 'filter.ids'],
    ['whose time ends before it begins', { from: late, to: early }, 'filter.to'],
    ['whose time is empty', { from: early, to: early }, 'filter.to'],
    ['for what nobody in particular missed', { missed: true }, 'filter.webhookId'],
    [
      'for what was missed, by status',
      { missed: true, webhookId: WEBHOOK, status: 'dead' },
      'filter.status',
    ],
    [
      'for what was missed, by id',
      { missed: true, webhookId: WEBHOOK, ids: ['dlv_1'] },
      'filter.ids',
    ],
  ])('%s is refused', (_name, filter, field) => {
    expect(faultOf(filter)).toBe(field)
  })

  it.each<[ReplayFilter]>([
    [{ status: 'dead' }],
    [{ ids: ['dlv_1'] }],
    [{ from: early, to: late }],
    [{ missed: true, webhookId: WEBHOOK, from: early, to: late }],
  ])('%j is taken as it is', (filter) => {
    expect(acceptReplayFilter(filter)).toBe(filter)
  })

  it('comes back from JSON as it went in', () => {
    const filter: ReplayFilter = { from: early, to: late, eventName: 'a' }
    const kept = storedFilter(filter)
    expect(kept).toEqual({
      from: '2026-01-31T12:00:00.000Z',
      to: '2026-01-31T13:00:00.000Z',
      eventName: 'a',
    })
    expect(readStoredFilter(kept)).toEqual(filter)
    expect(readStoredFilter(storedFilter({ status: 'dead' }))).toEqual({ status: 'dead' })
  })
})
