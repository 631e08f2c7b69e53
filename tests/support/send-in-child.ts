// Sends in a process of its own, for what Node reads from the environment at its start. Prints outcomes as JSON.
// Run as a program it is that process; imported it starts one.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { EnvHttpProxyAgent, request } from 'undici'
import type { SendOutcome } from '../../lib/domain/attempt.ts'
import { requestTo, startSender } from './sender-kit.ts'

/** `control` sends by a client that obeys the proxy variables. */
type Order = { urls: string[]; control?: string }

/** @returns what the sender made of each URL, one after the other */
export const sendInChild = (order: Order, env: Record<string, string>): Promise<SendOutcome[]> =>
  new Promise((resolve, reject) => {
    const file = fileURLToPath(import.meta.url)
    const child = spawn(process.execPath, ['--import', 'tsx', file, JSON.stringify(order)], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output) as SendOutcome[])
      else reject(new Error(`the sending process ended with ${String(code)}`))
    })
  })

const main = async (order: Order) => {
  const sender = startSender()
  const outcomes: SendOutcome[] = []
  for (const url of order.urls) outcomes.push(await sender.send(requestTo(url)))
  sender.close()
  if (order.control !== undefined) {
    // What comes of it is seen at the proxy.
    const dispatcher = new EnvHttpProxyAgent()
    await request(order.control, { method: 'POST', dispatcher }).catch(() => undefined)
    await dispatcher.destroy()
  }
  process.stdout.write(JSON.stringify(outcomes))
}

const argument = process.argv[2]
if (process.argv[1] === fileURLToPath(import.meta.url) && argument !== undefined) {
  await main(JSON.parse(argument) as Order)
}
