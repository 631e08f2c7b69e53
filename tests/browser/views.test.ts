// Every view as people meet it: in light and dark, on a phone, with a keyboard, with a screen reader. Writes a picture of
// each to tests/browser/screenshots/.

import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startStage, type Stage } from './support.ts'

const FOLDER = 'tests/browser/screenshots'
const WINDOW = { width: 1200, height: 800 }
const PHONE = { width: 390, height: 800 }
const PAYLOAD =
  '{"name":"cat.png","size":12345678901234567890,"tags":["a","b"],"note":"<script>alert(1)</script>"}'

let stage: Stage
/** Address and heading of each view, by the name of its picture. */
let views: Record<string, [path: string, heading: RegExp]>

beforeAll(async () => {
  // The second attempt comes at once, the third in an hour: one delivery waits for all of this.
  stage = await startStage({ env: { BROKER_RETRY_SCHEDULE: '50ms,1h' } })
  const { broker } = stage
  const good = await stage.receive()
  const gone = await stage.receive({ answer: 410 })
  const busy = await stage.receive({
    answer: (_request, response) =>
      response.writeHead(503, { 'content-type': 'text/plain' }).end('busy, come back later'),
  })
  await broker.register('upload_image', `${good.url}/hooks/images?size=full&format="webp"`)
  const { id } = await broker.register('upload_image', `${busy.url}/hooks/thumbnails`)
  await broker.register('invoice.paid', `${good.url}/hooks/billing`)
  await broker.register('user.removed', `${gone.url}/hooks/users`)
  const { messageId } = await broker.trigger('upload_image', { body: PAYLOAD })
  const given = await broker.trigger('user.removed', { body: '{"id":7}' })
  for (let n = 1; n <= 10; n += 1) await broker.trigger('invoice.paid', { body: `{"n":${n}}` })
  await broker.untilAll(given.messageId, 'dead')
  const replay = await broker.request('POST', '/api/v0/replays', {
    body: '{"filter":{"eventName":"invoice.paid"}}',
  })
  const waiting = (await broker.deliveriesOf(messageId)).find(({ webhookId }) => webhookId === id)
  views = {
    overview: ['/dashboard/', /^Overview$/],
    webhooks: ['/dashboard/webhooks', /^Webhooks$/],
    register: ['/dashboard/register', /^Register a webhook$/],
    webhook: [`/dashboard/webhooks/upload_image/${id}`, /^upload_image$/],
    deliveries: ['/dashboard/deliveries', /^Deliveries$/],
    'deliveries-none': ['/dashboard/deliveries?status=cancelled', /^Deliveries$/],
    delivery: [`/dashboard/deliveries/${waiting?.id ?? ''}`, /^dlv_/],
    messages: ['/dashboard/messages', /^Messages$/],
    message: [`/dashboard/messages/${messageId}`, /^msg_/],
    trigger: ['/dashboard/trigger?eventName=upload_image', /^Trigger an event$/],
    replay: ['/dashboard/replay?status=delivered&eventName=invoice.paid', /^Replay deliveries$/],
    'replay-run': [`/dashboard/replay/${String(replay.json['id'])}`, /^Replay$/],
    lost: ['/dashboard/no/such/page', /^There is no such page$/],
  }
})
afterAll(() => stage.close())

/** Goes there as a link would, and waits until everything that it asks for is there. */
const visit = async (page: Page, [path, heading]: [string, RegExp]): Promise<void> => {
  await page.goto(path)
  await page.getByRole('heading', { level: 1, name: heading }).waitFor()
  await expect.poll(() => page.getByText('Loading…').count()).toBe(0)
  if (heading.test('Overview')) await page.locator('.figures').waitFor()
}

type AxeResult = { violations: { id: string; impact: string; nodes: { target: unknown }[] }[] }

/** Serious and critical faults, as axe-core finds them. */
const faultsOf = async (page: Page): Promise<string[]> => {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate<AxeResult>('axe.run()')
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${JSON.stringify(nodes.map(({ target }) => target))}`)
}

test.each(['light', 'dark'] as const)(
  'no view has a serious fault for a screen reader or a weak contrast, in %s colours',
  async (colorScheme) => {
    const { page, faults, close } = await stage.open('/dashboard/', {
      colorScheme,
      viewport: WINDOW,
    })
    for (const [name, view] of Object.entries(views)) {
      await visit(page, view)
      expect([name, await faultsOf(page)]).toEqual([name, []])
      await page.screenshot({ path: `${FOLDER}/${name}-${colorScheme}.png`, fullPage: true })
    }
    // The picture of the README: docs/images/dashboard-light.png and -dark.png are copies of it.
    await visit(page, ['/dashboard/?range=15m', /^Overview$/])
    await page.locator('.u-over').first().waitFor()
    await page.screenshot({ path: `${FOLDER}/readme-${colorScheme}.png` })
    expect(faults).toEqual([])
    await close()
  },
)

test('axe-core would find a fault: the control', async () => {
  const { page, close } = await stage.open('/dashboard/trigger')
  await page.getByRole('heading', { level: 1 }).waitFor()
  await page.evaluate("document.querySelector('label[for=theme]').remove()")
  expect(await faultsOf(page)).toEqual(['select-name: [["#theme"]]'])
  await close()
})

test('no view is wider than a phone, and each is as free of faults there', async () => {
  const { page, close } = await stage.open('/dashboard/', { viewport: PHONE, hasTouch: true })
  for (const [name, view] of Object.entries(views)) {
    await visit(page, view)
    const width = await page.evaluate<number>('document.documentElement.scrollWidth')
    expect([name, width]).toEqual([name, PHONE.width])
    expect([name, await faultsOf(page)]).toEqual([name, []])
    await page.screenshot({ path: `${FOLDER}/${name}-phone.png`, fullPage: true })
  }
  await close()
})

test('what a payload or a URL holds is shown as text', async () => {
  const { page, faults, close } = await stage.open(views['message']?.[0] ?? '')
  await page.getByText(PAYLOAD).waitFor()
  await page.getByRole('button', { name: 'Pretty' }).click()
  await page.getByText('"note": "<script>alert(1)</script>"').waitFor()
  await page.getByText('"size": 12345678901234567890').waitFor()
  // WHATWG writes the quotes of a query as %22.
  await page.getByText('/hooks/images?size=full&format=%22webp%22').waitFor()
  expect(await page.locator('script:not([src])').count()).toBe(0)
  expect(faults).toEqual([])
  await close()
})

test('a script or a style that is put into the page does not run: the policy is in force, and its breach is seen', async () => {
  const { page, faults, close } = await stage.open('/dashboard/')
  await page.getByRole('heading', { level: 1 }).waitFor()
  await page
    .evaluate(
      `
    const script = document.createElement('script')
    script.setAttribute('src', 'http://127.0.0.1:9/evil.js')
    document.head.append(script)`,
    )
    .catch(() => undefined)
  await page.evaluate(`
    const style = document.createElement('style')
    style.textContent = 'body { display: none }'
    document.head.append(style)`)
  await expect.poll(() => faults.join()).toContain('policy: style-src-elem inline')
  expect(await page.getByRole('heading', { level: 1 }).isVisible()).toBe(true)
  await close()
})

test('the whole way from the list to a delivery goes by keyboard', async () => {
  const { page, close } = await stage.open('/dashboard/deliveries')
  await page.getByRole('row').nth(1).waitFor()
  const focused = () => page.evaluate<string>('document.activeElement.textContent.trim()')
  // Whoever arrives is at the heading; the first stop before it is the way past the header.
  expect(await focused()).toBe('Deliveries')
  await page.keyboard.press('Tab')
  expect(await page.evaluate<string>('document.activeElement.tagName')).toBe('SELECT')
  for (let stop = 0; stop < 40 && (await focused()) !== 'invoice.paid'; stop += 1) {
    await page.keyboard.press('Tab')
  }
  expect(await focused()).toBe('invoice.paid')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: /^dlv_/ }).waitFor()
  expect(await focused()).toMatch(/^dlv_/)
  await close()
})

test('a time is local, and says UTC on hover', async () => {
  const { page, close } = await stage.open('/dashboard/deliveries', {
    timezoneId: 'Asia/Kolkata',
  })
  const time = page.getByRole('row').nth(1).locator('time')
  await time.waitFor()
  const [iso, shown, title] = await Promise.all([
    time.getAttribute('datetime'),
    time.textContent(),
    time.getAttribute('title'),
  ])
  const [, hour = '', minute = '', second = ''] = /T(\d\d):(\d\d):(\d\d)/.exec(iso ?? '') ?? []
  expect(title).toContain(`${hour}:${minute}:${second}`)
  expect(title).toContain('UTC')
  // Five and a half hours ahead, all year.
  const local = (Number(hour) * 60 + Number(minute) + 330) % 1_440
  const digits = (value: number) => String(value).padStart(2, '0')
  expect(shown).toContain(`${digits(Math.floor(local / 60))}:${digits(local % 60)}:${second}`)
  await close()
})

test('a tab that nobody sees asks for nothing, and asks again when it is seen', async () => {
  const { page, close } = await stage.open('/dashboard/no/such/page')
  await page.clock.install()
  await visit(page, ['/dashboard/deliveries', /^Deliveries$/])
  const asked: string[] = []
  page.on('request', (request) => asked.push(new URL(request.url()).pathname))
  const setHidden = (hidden: boolean) =>
    page.evaluate(`
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} })
      document.dispatchEvent(new Event('visibilitychange'))`)
  await page.clock.fastForward(10_000)
  await expect.poll(() => asked).toContain('/api/v0/deliveries')

  await setHidden(true)
  asked.length = 0
  await page.clock.fastForward(600_000)
  await page.evaluate('fetch("/healthz").then((response) => response.text())')
  // The control: what is asked is seen here.
  expect(asked).toEqual(['/healthz'])
  await setHidden(false)
  await expect.poll(() => asked).toContain('/api/v0/deliveries')
  await close()
})
