// Cold starts: a fresh Node imports a packaged function and answers its first event, connections included. From the first
// byte of the bundle, and from the start of Node; Lambda's own preparations come on top.

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { HttpResult } from '../lib/http/lambda.ts'
import { filesOf, packageService, unpackFunction } from '../tests/support/function-package.ts'
import { httpApiV2 } from '../tests/support/http-events.ts'
import type { Figures } from './figures.ts'
import { brokerEnv, HEADERS } from './stage.ts'
import { startServices } from './services.ts'

const REQUESTS = {
  register: {
    method: 'POST',
    path: '/api/v0/webhooks',
    body: JSON.stringify({ eventName: 'cold', webhookUrl: 'http://127.0.0.1:4000/hook' }),
  },
  trigger: { method: 'POST', path: '/api/v0/trigger-event/cold', body: '{"n":1}' },
  list: { method: 'GET', path: '/api/v0/webhooks' },
  deliveries: { method: 'GET', path: '/api/v0/deliveries' },
  site: { method: 'GET', path: '/readyz' },
} as const

const COLD = `
const importedMs = performance.now()
const { handler } = await import(process.argv[1])
const loadedMs = performance.now()
const context = { getRemainingTimeInMillis: () => 60_000 }
const answer = await handler(JSON.parse(process.argv[2]), context)
const answeredMs = performance.now()
process.stdout.write(JSON.stringify({ importedMs, loadedMs, answeredMs, answer }))
process.exit()
`
type Cold = { importedMs: number; loadedMs: number; answeredMs: number; answer: HttpResult }

const run = promisify(execFile)

/** @param rounds cold starts of each function @returns a round holds one of each */
export const coldStarts = async (options: { node: string; rounds: number }): Promise<Figures[]> => {
  const packages = await packageService()
  const services = await startServices()
  const folders = [dirname(packages)]
  const env = {
    ...brokerEnv('silent'),
    DATABASE_URL: services.postgres.url,
    REDIS_URL: services.redis.url,
    NODE_OPTIONS: '--enable-source-maps',
  }
  try {
    const handlers = Object.keys(REQUESTS).map((name) => {
      const handler = unpackFunction(filesOf(packages, name))
      folders.push(handler.replace(/\/functions\/.*$/, ''))
      return [name as keyof typeof REQUESTS, handler] as const
    })
    const cwd = mkdtempSync(join(tmpdir(), 'webhook-broker-cold-'))
    folders.push(cwd)
    const rounds: Figures[] = []
    while (rounds.length < options.rounds) {
      const figures: Figures = {}
      for (const [name, handler] of handlers) {
        const event = JSON.stringify(httpApiV2({ ...REQUESTS[name], headers: HEADERS }))
        const { stdout } = await run(
          options.node,
          ['--input-type=module', '--eval', COLD, handler, event],
          { cwd, env: { ...env, AWS_LAMBDA_FUNCTION_NAME: name } },
        )
        const cold = JSON.parse(stdout) as Cold
        if (cold.answer.statusCode >= 300) throw new Error(`${name}: ${stdout}`)
        figures[`${name}.loadMs`] = cold.loadedMs - cold.importedMs
        figures[`${name}.firstAnswerMs`] = cold.answeredMs - cold.importedMs
        figures[`${name}.sinceNodeStartedMs`] = cold.answeredMs
      }
      rounds.push(figures)
    }
    return rounds
  } finally {
    await services.stop()
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  }
}
