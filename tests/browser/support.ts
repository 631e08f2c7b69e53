// The dashboard of a real broker (its processes, Redis and Postgres) in a real browser.

import type { Browser, BrowserContextOptions } from 'playwright-core'
import { openPage, startBrowser, type WatchedPage } from '../support/browser.ts'
import { startReceiver, type Receiver, type ReceiverOptions } from '../support/receiver.ts'
import { startBroker, urlOf, type Broker, type BrokerOptions } from '../e2e/support.ts'

export type Stage = {
  broker: Broker
  /** Opens a page of its own, with its own session. */
  open(path: string, options?: BrowserContextOptions): Promise<WatchedPage>
  receive(options?: ReceiverOptions): Promise<Receiver>
  close(): Promise<void>
}

export const startStage = async (options: BrokerOptions = {}): Promise<Stage> => {
  const [broker, browser] = await Promise.all([startBroker(options), startBrowser()])
  const receivers: Receiver[] = []
  return {
    broker,
    open: (path, context) => open(browser, urlOf(broker.api), { path, context }),
    receive: async (given) => {
      const receiver = await startReceiver(given)
      receivers.push(receiver)
      return receiver
    },
    close: async () => {
      await browser.close()
      await Promise.all(receivers.map((each) => each.close()))
      await broker.stop()
    },
  }
}

type Opening = { path: string; context: BrowserContextOptions | undefined }

const open = async (browser: Browser, origin: string, { path, context }: Opening) => {
  const watched = await openPage(browser, origin, { locale: 'en-GB', ...context })
  await watched.page.goto(path)
  return watched
}
