import { describe, expect, test } from 'vitest'
import type { RoutingChange } from '../../../lib/broker/ports.ts'
import { answered, claim, setUpAttempt } from '../../support/attempt-kit.ts'

describe('an attempt', () => {
  test('is claimed before it is sent, and recorded before the queue hears of it', async () => {
    const { attempts, steps } = setUpAttempt()
    expect(await attempts.byId('dlv_1')).toEqual({ kind: 'done' })
    expect(steps).toEqual(['W1', 'claim', 'W2', 'W3', 'W4', 'send', 'W5', 'W6', 'record', 'W7'])
  })

  test('carries our headers, which custom ones never replace', async () => {
    const { attempts, requests } = setUpAttempt()
    await attempts.byId('dlv_1')
    expect(requests[0]?.headers).toEqual({
      'x-team': 'a',
      'content-type': 'application/json',
      'user-agent': 'webhook-broker/test',
      'webhook-id': 'msg_1',
      'webhook-timestamp': '1700000000',
      'webhook-signature': 'v1,LInk7lWC3DLGgRP3k/Xpm933fgj/SEGrik4mpkLgnKE=',
      'webhook-event': 'upload_image',
      'webhook-delivery-id': 'dlv_1',
      'webhook-attempt': '2',
    })
    expect(requests[0]?.body).toBe(claim.payload)
  })

  test('passes the trace of its trigger on', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const { attempts, requests } = setUpAttempt({
      outcome: { kind: 'claimed', claim: { ...claim, traceparent } },
    })
    await attempts.byId('dlv_1')
    expect(requests[0]?.headers['traceparent']).toBe(traceparent)
  })

  test('that failed is made again after the delay of the plan', async () => {
    const { attempts, results } = setUpAttempt({ send: () => Promise.resolve(answered(500)) })
    expect(await attempts.byId('dlv_1')).toEqual({ kind: 'retry', delayMs: 5_000, generation: 7 })
    expect(results[0]?.plan).toEqual({ kind: 'retry', delayMs: 5_000, usesStep: true })
  })

  test('that is due again in more than ten minutes leaves the queue', async () => {
    const far = { ...claim, stepsUsed: 1 }
    const { attempts } = setUpAttempt({
      outcome: { kind: 'claimed', claim: far },
      send: () => Promise.resolve(answered(500)),
    })
    expect(await attempts.byId('dlv_1')).toEqual({ kind: 'done' })
  })

  test('that used up the schedule is dead, with a line that says so', async () => {
    const { attempts, log } = setUpAttempt({
      outcome: { kind: 'claimed', claim: { ...claim, stepsUsed: 2 } },
      send: () =>
        Promise.resolve({
          kind: 'failed',
          code: 'refused',
          detail: '',
          permanent: false,
          staleConnection: false,
        }),
    })
    expect(await attempts.byId('dlv_1')).toEqual({ kind: 'done' })
    expect(log.of('delivery.dead')).toEqual([{ deliveryId: 'dlv_1', reason: 'schedule_exhausted' }])
    expect(log.of('attempt.finished')).toMatchObject([{ code: 'refused', statusCode: null }])
  })

  test('answered 410 asks the log to disable the webhook with the result, and tells the routing table', async () => {
    const change: RoutingChange = {
      tenant: 'default',
      eventName: 'e',
      webhookUrl: 'http://x/',
      op: 'remove',
      from: 0,
      to: 1,
    }
    const { attempts, results, routing, log } = setUpAttempt({
      send: () => Promise.resolve(answered(410)),
      change,
    })
    expect(await attempts.byId('dlv_1')).toEqual({ kind: 'done' })
    expect(results.map(({ plan }) => plan)).toEqual([
      { kind: 'dead', reason: 'gone', disablesWebhook: true },
    ])
    expect(log.of('webhook.disabled')).toEqual([{ webhookId: 'wh_1', reason: 'gone' }])
    expect(await routing.versions(['default'])).toEqual([1])
  })

  test('answered 410 for a webhook that is disabled already changes nothing more', async () => {
    const { attempts, log, steps } = setUpAttempt({ send: () => Promise.resolve(answered(410)) })
    await attempts.byId('dlv_1')
    expect(log.of('webhook.disabled')).toEqual([])
    expect(steps).not.toContain('publish')
  })

  test('whose result noted an operational event publishes it, after the result is committed', async () => {
    const { attempts, steps } = setUpAttempt({
      send: () => Promise.resolve(answered(410)),
      noted: true,
    })
    await attempts.byId('dlv_1')
    expect(steps.slice(-3)).toEqual(['record', 'W7', 'publish'])
  })

  test('whose fence is gone tells the queue that it is done', async () => {
    const { attempts } = setUpAttempt({
      send: () => Promise.resolve(answered(500)),
      record: () =>
        Promise.resolve({
          status: 'retrying',
          fenced: true,
          nextAttemptAtMs: null,
          generation: 7,
          dbNowMs: 0,
          disabled: null,
          noted: false,
        }),
    })
    expect(await attempts.byId('dlv_1')).toEqual({ kind: 'done' })
  })

  test('can be handed over with its claim, by the direct dispatcher', async () => {
    const { attempts, steps } = setUpAttempt()
    expect(await attempts.claimed(claim, 0)).toEqual({ kind: 'done' })
    expect(steps).not.toContain('claim')
  })
})
