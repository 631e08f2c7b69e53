// A real Chromium in front of the real dashboard. Each page watches what no page of ours may do: break the content
// security policy, ask another host, log an error, throw.

import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { installPackage, isExecutable, onPath } from '../../local/services/find.ts'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const ELSEWHERE = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

const find = (): string | undefined =>
  process.env['CHROMIUM_BIN'] ?? onPath(...NAMES) ?? ELSEWHERE.find(isExecutable)

/** @throws Error with the one line that a person needs when there is none and none may be installed */
export const findChromium = (): string => {
  const found = find()
  if (found !== undefined) return found
  installPackage('chromium', (line) => process.stdout.write(`${line}\n`))
  const installed = find()
  if (installed !== undefined) return installed
  throw new Error(
    'the browser tests need Chromium: "sudo apt-get install chromium", "brew install chromium", or CHROMIUM_BIN',
  )
}

export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: findChromium(),
    // A container has no user namespace to put a sandbox in; only our own pages are opened.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  })

export type WatchedPage = {
  page: Page
  /** What it did that it may not; empty at the end of a good test. */
  faults: string[]
  close(): Promise<void>
}

/** @param origin of the broker: a request to any other is a fault */
export const openPage = async (
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> => {
  const context = await browser.newContext({ baseURL: origin, ...options })
  const page = await context.newPage()
  // Less than a test may take, so that the step which waits in vain is the one that is named.
  page.setDefaultTimeout(10_000)
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(`threw: ${error.message}`))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) faults.push(`asked ${request.url()}`)
  })
  page.on('console', (message) => {
    // An answer that is no success is logged by the browser itself, and is an ordinary case here.
    if (/Failed to load resource/.test(message.text())) return
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text())
  })
  await page.addInitScript(
    `addEventListener('securitypolicyviolation', (event) =>
       console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI))`,
  )
  return { page, faults, close: () => context.close() }
}
