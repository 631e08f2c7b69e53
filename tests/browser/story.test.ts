// What an operator does with the dashboard, from the first webhook to the one that failed, in a real browser in front of
// the real broker.
// Over 250 lines because its stage, a broker and a browser, is set up once.

import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { WatchedPage } from '../support/browser.ts'
import { startStage, type Stage } from './support.ts'

let stage: Stage
const opened: WatchedPage[] = []

beforeAll(async () => {
  // One retry, soon, and no breaker that gives a receiver a rest: who fails is given up within a second.
  stage = await startStage({
    env: { BROKER_RETRY_SCHEDULE: '100ms', BROKER_BREAKER_FAILURES: '0' },
  })
})
afterEach(async () => {
  const closing = opened.splice(0)
  await Promise.all(closing.map(({ close }) => close()))
  // No page broke the policy, asked another host, logged an error or threw.
  expect(closing.flatMap(({ faults }) => faults)).toEqual([])
})
afterAll(() => stage.close())

const open = async (path: string): Promise<Page> => {
  const watched = await stage.open(path)
  opened.push(watched)
  return watched.page
}

const heading = (page: Page, name: string | RegExp) => page.getByRole('heading', { level: 1, name })
const row = (page: Page, text: string) => page.getByRole('row').filter({ hasText: text })

test('a webhook is registered, its event triggered, and its delivery seen, by clicks alone', async () => {
  const receiver = await stage.receive()
  const page = await open('/')
  await page.getByText('Nothing has been delivered yet').waitFor()
  await page.getByRole('link', { name: 'Register a webhook' }).click()

  await heading(page, 'Register a webhook').waitFor()
  await page.getByLabel('Event name').fill('upload_image')
  await page.getByLabel('URL').fill(`${receiver.url}/hooks/images?size=full`)
  await page.getByText('More settings').click()
  await page.getByLabel('Custom headers').fill('x-team: images\nx-cost-centre: 7')
  await page.getByRole('button', { name: 'Register' }).click()
  await page.getByText('Its secret, shown this once').waitFor()
  expect(await page.getByText(/^whsec_/).count()).toBe(1)

  await page.getByRole('link', { name: 'Trigger its event' }).click()
  await heading(page, 'Trigger an event').waitFor()
  expect(await page.getByLabel('Event name').inputValue()).toBe('upload_image')
  await page.getByLabel('Payload').fill('{"name":"cat.png","n":12345678901234567890}')
  await page.getByRole('button', { name: 'Trigger', exact: true }).click()
  await page.getByText('Accepted, for 1 webhook').waitFor()
  await page.getByRole('link', { name: 'See what becomes of it' }).click()

  await heading(page, /^msg_/).waitFor()
  await row(page, 'delivered').waitFor()
  await page.getByText('{"name":"cat.png","n":12345678901234567890}').waitFor()
  const [received] = await receiver.waitFor(1)
  expect(received?.body.toString()).toBe('{"name":"cat.png","n":12345678901234567890}')
  expect(received?.headers).toMatchObject({ 'x-team': 'images', 'x-cost-centre': '7' })

  await page.getByRole('link', { name: `${receiver.url}/hooks/images?size=full` }).click()
  await heading(page, /^dlv_/).waitFor()
  await page.getByText('HTTP 200').waitFor()
  await page.getByRole('link', { name: 'Overview' }).click()
  await row(page, 'upload_image').waitFor()
})

test('what the broker says about a wrong field stands beside the field', async () => {
  const page = await open('/dashboard/register')
  await page.getByLabel('Event name').fill('no spaces')
  await page.getByLabel('URL').fill('https://example.com/hook')
  await page.getByRole('button', { name: 'Register' }).click()
  const name = page.getByLabel('Event name')
  await page.locator('[aria-invalid=true]').waitFor()
  expect(await name.getAttribute('aria-invalid')).toBe('true')
  const described = (await name.getAttribute('aria-describedby')) ?? ''
  expect(await page.locator(`[id="${described}"]`).textContent()).toContain(
    'an event name has 1 to 128 characters out of A-Z a-z 0-9 . _ -',
  )
  await name.fill('spaceless')
  await page.getByLabel('URL').fill('ftp://example.com/hook')
  await page.getByRole('button', { name: 'Register' }).click()
  await page.locator('[aria-invalid=true][name=URL]').waitFor()
})

test('a failing receiver shows its attempts and the reason; fixed and replayed, it is delivered', async () => {
  const receiver = await stage.receive({
    answer: (_request, response) =>
      response.writeHead(503, { 'content-type': 'text/plain' }).end('the disk is full'),
  })
  await stage.broker.register('invoice.paid', `${receiver.url}/hooks/billing`)
  const { messageId } = await stage.broker.trigger('invoice.paid')
  await stage.broker.untilAll(messageId, 'dead')

  const page = await open('/dashboard/deliveries')
  await page.getByLabel('Status').selectOption('dead')
  await page.waitForURL('**/dashboard/deliveries?status=dead')
  await page.getByRole('link', { name: 'invoice.paid' }).click()
  await heading(page, /^dlv_/).waitFor()
  await page.getByText('every attempt of the schedule failed').waitFor()
  expect(await page.getByText('HTTP 503').count()).toBe(2)
  await page.getByText('the disk is full').first().waitFor()

  receiver.answer = 200
  await page.getByRole('button', { name: 'Replay' }).click()
  await page.getByText('HTTP 200').waitFor()
  await page.getByText('Replayed: series 2 begins here').waitFor()
  await page.getByText('at attempt 3').waitFor()
  expect((await receiver.waitFor(3)).map(({ headers }) => headers['webhook-id'])).toEqual([
    messageId,
    messageId,
    messageId,
  ])
})

test('many that failed are counted first, then replayed with a bar, and all are delivered', async () => {
  const receiver = await stage.receive({ answer: 500 })
  await stage.broker.register('bulk.failed', `${receiver.url}/hook`)
  const triggered = await Promise.all(
    Array.from({ length: 30 }, () => stage.broker.trigger('bulk.failed')),
  )
  await Promise.all(triggered.map(({ messageId }) => stage.broker.untilAll(messageId, 'dead')))
  const other = await stage.receive({ answer: 500 })
  await stage.broker.register('bulk.other', `${other.url}/hook`)
  const kept = await stage.broker.trigger('bulk.other')
  await stage.broker.untilAll(kept.messageId, 'dead')

  receiver.answer = 200
  const page = await open('/dashboard/deliveries?status=dead&eventName=bulk.failed')
  await page.getByRole('link', { name: 'Replay all of these…' }).click()
  await page.getByText('30 deliveries match').waitFor()
  // Counting changed nothing: two attempts each, and no more.
  expect(receiver.received).toHaveLength(60)
  await page.getByRole('button', { name: 'Replay them' }).click()
  await page.waitForURL('**/dashboard/replay/rpl_*')
  await page.getByText('30 of 30 replayed').waitFor()
  await page.locator('.badge').getByText('finished').waitFor()
  // It is the broker's, not the page's: whoever opens its address sees the same.
  await page.reload()
  await page.getByText('30 of 30 replayed').waitFor()
  expect(await page.getByRole('progressbar').getAttribute('value')).toBe('30')

  for (const { messageId } of triggered) await stage.broker.untilAll(messageId, 'delivered')
  expect(receiver.received).toHaveLength(90)
  // The control: what the filter did not name is as it was.
  const [untouched] = await stage.broker.deliveriesOf(kept.messageId)
  expect(untouched).toMatchObject({ status: 'dead', attemptCount: 2 })
  await page.getByRole('link', { name: 'See what becomes of them' }).click()
  await row(page, 'delivered').first().waitFor()
})

test('a replay without a filter is not one of everything', async () => {
  const page = await open('/dashboard/replay')
  await page.getByText('Choose which deliveries first').waitFor()
  expect(await page.getByRole('button', { name: 'Replay them' }).count()).toBe(0)
})

test('why a delivery waits is said, and it can be stopped', async () => {
  const receiver = await stage.receive({
    answer: (_request, response) => response.writeHead(429, { 'retry-after': '3600' }).end(),
  })
  await stage.broker.register('stops', `${receiver.url}/hook`)
  const { messageId } = await stage.broker.trigger('stops')
  const [delivery] = await stage.broker.untilAll(messageId, 'retrying')
  const page = await open(`/dashboard/deliveries/${delivery?.id ?? ''}`)
  await page.getByText('It waits for its next attempt').waitFor()
  await page.getByText(/Next attempt in 59 min \d+ s/).waitFor()

  await page.getByRole('button', { name: 'Cancel it' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('Cancel this delivery?').waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'hidden' })
  expect((await stage.broker.delivery(delivery?.id ?? '')).status).toBe('retrying')
  await page.getByRole('button', { name: 'Cancel it' }).click()
  await dialog.getByRole('button', { name: 'Cancel it' }).click()
  await page.getByText('stopped by a person, or its webhook was removed').waitFor()
  expect((await stage.broker.delivery(delivery?.id ?? '')).status).toBe('cancelled')
})

test('a webhook is tested, changed, disabled, given a new secret and removed', async () => {
  const receiver = await stage.receive()
  const { id } = await stage.broker.register('managed', `${receiver.url}/hook`)
  const page = await open(`/dashboard/webhooks/managed/${id}`)
  await page.getByRole('button', { name: 'Send a test event' }).click()
  await page.getByText('A test event was accepted.').waitFor()
  await row(page, 'delivered').waitFor()

  await page.getByLabel('Description').fill('the billing team')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('button', { name: 'Save' }).waitFor()
  await page.getByRole('button', { name: 'Disable' }).click()
  await page.getByRole('button', { name: 'Enable' }).waitFor()
  await page.locator('dd').filter({ hasText: 'disabled by a person' }).waitFor()

  await page.getByRole('button', { name: 'Rotate the secret' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Rotate the secret' }).click()
  await page.getByText('Its secret, shown this once').waitFor()

  const found = await stage.broker.request('GET', `/api/v0/webhooks/managed/${id}`)
  expect(found.json).toMatchObject({ status: 'disabled', description: 'the billing team' })

  await page.getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await heading(page, 'Webhooks').waitFor()
  const gone = await stage.broker.request('GET', `/api/v0/webhooks/managed/${id}`)
  expect(gone.status).toBe(404)
})

test('an address opens the same view again, and Back leads through the filters', async () => {
  const page = await open('/dashboard/deliveries?status=dead&eventName=nothing.like.it')
  await page.getByText('No delivery is like this').waitFor()
  expect(await page.getByLabel('Event name').inputValue()).toBe('nothing.like.it')
  await page.getByRole('link', { name: 'Clear' }).click()
  await page.waitForURL('**/dashboard/deliveries')
  await page.goBack()
  await page.waitForURL('**/dashboard/deliveries?status=dead&eventName=nothing.like.it')
  await page.getByText('No delivery is like this').waitFor()
  expect(await page.getByLabel('Status').inputValue()).toBe('dead')
})

test('pages follow each other by cursor, each row once, and Back leads to the page before', async () => {
  const receiver = await stage.receive()
  await stage.broker.register('many.pages', `${receiver.url}/hook`)
  const triggered = await Promise.all(
    Array.from({ length: 120 }, () => stage.broker.trigger('many.pages')),
  )
  await stage.broker.untilAll(triggered.at(-1)?.messageId ?? '', 'delivered')
  const page = await open('/dashboard/deliveries?eventName=many.pages')
  const idsOf = async (count: number) => {
    await expect.poll(() => page.locator('.row-link').count()).toBe(count)
    const links = await page.locator('.row-link').all()
    return Promise.all(links.map((link) => link.getAttribute('href')))
  }
  const first = await idsOf(50)
  const turn = async () => {
    const before = await page.locator('.row-link').first().getAttribute('href')
    await page.getByRole('link', { name: 'Older' }).click()
    await page.waitForURL('**cursor=**')
    await expect.poll(() => page.locator('.row-link').first().getAttribute('href')).not.toBe(before)
  }
  await turn()
  expect(await page.evaluate('document.activeElement.tagName')).toBe('H1')
  const second = await idsOf(50)
  await turn()
  const third = await idsOf(20)
  expect(new Set([...first, ...second, ...third]).size).toBe(120)
  await page.getByText('the end').waitFor()
  await page.goBack()
  await expect.poll(() => page.locator('.row-link').first().getAttribute('href')).toBe(second[0])
})

test('a webhook that is enabled again offers what it missed, and one click sends it', async () => {
  const receiver = await stage.receive()
  const { id } = await stage.broker.register('missed.meanwhile', `${receiver.url}/hook`)
  const page = await open(`/dashboard/webhooks/missed.meanwhile/${id}`)
  await page.getByRole('button', { name: 'Disable' }).click()
  await page.getByRole('button', { name: 'Enable' }).waitFor()
  const missed = [
    await stage.broker.trigger('missed.meanwhile'),
    await stage.broker.trigger('missed.meanwhile'),
  ]
  await page.getByRole('button', { name: 'Enable' }).click()
  await page.getByText('It missed 2 messages while it was disabled').waitFor()
  // An offer sends nothing.
  expect(receiver.received).toEqual([])
  await page.getByRole('button', { name: 'Send what it missed' }).click()
  await page.waitForURL('**/dashboard/replay/rpl_*')
  await page.getByText('2 of 2 replayed').waitFor()
  await page.getByText('What the webhook missed while it was disabled').waitFor()
  const received = await receiver.waitFor(2)
  expect(received.map(({ headers }) => headers['webhook-id']).sort()).toEqual(
    missed.map(({ messageId }) => messageId).sort(),
  )
})
