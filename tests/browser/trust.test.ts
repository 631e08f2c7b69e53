// What the dashboard does where not everything is well: a key that is wrong or may not, Redis that is away, a broker that
// does not answer.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRedis, type RedisServer } from '../../local/services/redis.ts'
import { waitUntil } from '../support/wait.ts'
import { startStage, type Stage } from './support.ts'

const FULL = 'full-key-0123456789'
const READ = 'read-key-0123456789'

describe('a broker that asks for a key', () => {
  let stage: Stage
  beforeAll(async () => {
    const env = { BROKER_AUTH: '', BROKER_API_KEYS: `${FULL},default:${READ}:read` }
    stage = await startStage({ env, roles: ['api'] })
  })
  afterAll(() => stage.close())

  test('asks once, refuses a wrong one in its own words, and keeps the right one until the tab is closed', async () => {
    const { page, faults, close } = await stage.open('/dashboard/webhooks')
    await page.getByRole('heading', { level: 1, name: 'Enter the API key' }).waitFor()
    await page.getByLabel('API key').fill('wrong-key-0123456789')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('alert').getByText('No valid API key').waitFor()

    await page.getByLabel('API key').fill(FULL)
    await page.getByRole('button', { name: 'Continue' }).click()
    // Back at the address that was asked for.
    await page.getByRole('heading', { level: 1, name: 'Webhooks' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Webhooks' }).waitFor()
    expect(await page.evaluate('Object.values(localStorage).join()')).not.toContain(FULL)
    expect(await page.evaluate('document.cookie')).toBe('')
    expect(page.url()).not.toContain(FULL)

    const other = await page.context().newPage()
    await other.goto('/dashboard/')
    await other.getByRole('heading', { level: 1, name: 'Enter the API key' }).waitFor()

    await page.getByRole('button', { name: 'Forget the key' }).click()
    await page.getByRole('heading', { level: 1, name: 'Enter the API key' }).waitFor()
    expect(await page.evaluate('Object.values(sessionStorage).join()')).not.toContain(FULL)
    expect(faults).toEqual([])
    await close()
  })

  test('says what a key may not do, beside the button that wanted it', async () => {
    const { page, close } = await stage.open('/dashboard/register')
    await page.getByLabel('API key').fill(READ)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByLabel('Event name').fill('upload_image')
    await page.getByLabel('URL').fill('https://example.com/hook')
    await page.getByRole('button', { name: 'Register' }).click()
    await page.getByRole('alert').getByText('The API key does not allow this').waitFor()
    await close()
  })
})

describe('a broker whose Redis stops', () => {
  let stage: Stage
  let redis: RedisServer
  let folder: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'webhook-broker-dashboard-redis-'))
    redis = await startRedis({ dataDir: folder, persistence: 'none' })
    stage = await startStage({ redisUrl: redis.url })
  })
  afterAll(async () => {
    await Promise.all([stage.close(), redis.kill()])
    rmSync(folder, { recursive: true, force: true })
  })

  test('shows as degraded, and an event that is triggered meanwhile is delivered', async () => {
    const receiver = await stage.receive()
    await stage.broker.register('still.works', `${receiver.url}/hook`)
    const { page, faults, close } = await stage.open('/dashboard/trigger?eventName=still.works')
    const health = page.getByRole('status', { name: 'Health of the broker' })
    await health.getByText('ready').waitFor()

    await redis.kill()
    await health.getByText(/degraded: without Redis/).waitFor()
    await page.getByRole('button', { name: 'Trigger', exact: true }).click()
    await page.getByText('Accepted, for 1 webhook').waitFor()
    await page.getByRole('link', { name: 'See what becomes of it' }).click()
    await page.getByRole('row').filter({ hasText: 'delivered' }).waitFor({ timeout: 15_000 })
    expect(await receiver.waitFor(1)).toHaveLength(1)

    await page.getByRole('link', { name: 'Overview' }).click()
    const part = page.getByRole('listitem').filter({ hasText: 'Redis' })
    await part.getByText('away').waitFor()
    expect(faults).toEqual([])
    await close()
  })

  test('and one that does not answer at all is said to be away, while what was shown stays', async () => {
    const { page, close } = await stage.open('/dashboard/deliveries')
    const row = page.getByRole('row').filter({ hasText: 'still.works' })
    await row.waitFor()
    await stage.broker.api.kill9()
    await page.getByRole('alert').getByText('The broker does not answer').waitFor()
    await page.getByText('unavailable: the broker does not answer').waitFor()
    expect(await row.count()).toBe(1)
    await close()
  })
})

describe('a webhook that the broker gives a rest', () => {
  let stage: Stage
  beforeAll(async () => {
    const env = { BROKER_BREAKER_FAILURES: '2', BROKER_BREAKER_OPEN_MS: '60000' }
    stage = await startStage({ env: { ...env, BROKER_RETRY_SCHEDULE: '50ms,50ms,1h' } })
  })
  afterAll(() => stage.close())

  test('is shown with its breaker open, and its deliveries say so', async () => {
    const receiver = await stage.receive({ answer: 500 })
    const { id } = await stage.broker.register('rests', `${receiver.url}/hook`)
    const { messageId } = await stage.broker.trigger('rests')
    const isParked = async () => {
      const [delivery] = await stage.broker.deliveriesOf(messageId)
      return delivery?.waiting?.reason === 'breaker_open' && delivery
    }
    const delivery = await waitUntil(isParked, { message: 'a delivery that the breaker parks' })

    const { page, faults, close } = await stage.open(`/dashboard/webhooks/rests/${id}`)
    await page.locator('dd').getByText('breaker open').waitFor()
    await page.getByRole('link', { name: delivery.id }).click()
    await page.getByText('It waits: the webhook fails, and is given a rest').waitFor()
    expect(faults).toEqual([])
    await close()
  })
})
