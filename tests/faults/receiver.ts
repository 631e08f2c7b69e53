// Starts the receiver process and reads its file. It must not count anything: that is for the oracle.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../local/services/process.ts'
import { startProcess } from '../support/process.ts'
import { waitUntil } from '../support/wait.ts'
import type { Line } from './receiver-process.ts'

export type FaultReceiver = {
  url: string
  /** Every request that is on disk by now, in the order of arrival. */
  lines(): Line[]
  /** Resolves when so many requests to this path (`/name`) are on disk. */
  waitFor(path: string, count: number, timeoutMs?: number): Promise<Line[]>
  kill9(): Promise<void>
  /** After `kill9`: on the same port, with the same file. */
  startAgain(): Promise<void>
  stop(): Promise<void>
}

export const startFaultReceiver = async (folder: string): Promise<FaultReceiver> => {
  const file = join(folder, 'received.jsonl')
  const port = await freePort()
  const start = () =>
    startProcess({
      script: 'tests/faults/receiver-process.ts',
      args: [file, String(port)],
      readyLine: /^receiver ready/,
    })
  let child = await start()
  const lines = () => (existsSync(file) ? readLines(file) : [])
  return {
    url: `http://127.0.0.1:${port}`,
    lines,
    waitFor: (path, count, timeoutMs = 10_000) =>
      waitUntil(
        () => {
          const matching = lines().filter((line) => line.path === path)
          return matching.length >= count && matching
        },
        { timeoutMs, message: `${count} requests to ${path}` },
      ),
    kill9: async () => {
      await child.kill9()
    },
    startAgain: async () => {
      child = await start()
    },
    stop: async () => {
      await child.stop()
    },
  }
}

const readLines = (file: string): Line[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    // The last piece is empty, or a line that is being written.
    .slice(0, -1)
    .map((text) => JSON.parse(text) as Line)
