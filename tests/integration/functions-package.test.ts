// The packages that are deployed: what they carry, and that one of them works alone, also after a thaw (O-LAMBDA-1).

import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { Redis } from 'ioredis'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { makeQueueNames } from '../../lib/queue/names.ts'
import { packageFunctions, packagesIn, runFunction } from '../support/function-package.ts'
import { httpApiV2 } from '../support/http-events.ts'
import { makeSchema, randomPrefix } from '../support/schema.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { waitUntil } from '../support/wait.ts'

const FUNCTIONS = ['register', 'list', 'manage', 'trigger', 'deliveries', 'site', 'sweep'] as const
const ENQUEUING = ['manage', 'trigger', 'sweep']

let packages: Map<string, Map<string, Buffer>>
beforeAll(async () => {
  packages = await packageFunctions(FUNCTIONS)
})
const filesOf = (name: string) => packages.get(name) ?? new Map<string, Buffer>()

describe('the packages', () => {
  it('are those of serverless.yml', () => {
    const text = readFileSync('serverless.yml', 'utf8')
    const named = [...text.matchAll(/^ {2}(\w+):\n {4}handler:/gm)].map(([, name]) => name)
    expect(named).toEqual(FUNCTIONS)
  })

  it.each(FUNCTIONS)('%s holds its handler and nothing beside', (name) => {
    const files = [...filesOf(name).keys()].sort()
    const file = name === 'trigger' ? 'functions/trigger/http' : `functions/${name}/handler`
    expect(files).toEqual([`${file}.mjs`, `${file}.mjs.map`])
  })

  it.each(FUNCTIONS)('%s carries a queue only if it enqueues', (name) => {
    const carried = packagesIn(filesOf(name))
    // The control: what every one of them carries is found.
    expect(carried.has('pg')).toBe(true)
    expect(carried.has('bullmq')).toBe(ENQUEUING.includes(name))
    expect(carried.has('ioredis')).toBe(!['list', 'deliveries'].includes(name))
  })

  it.each(FUNCTIONS)('%s carries no embedded Postgres, no sender and no server', (name) => {
    const carried = [...packagesIn(filesOf(name))]
    const unwanted = ['@electric-sql/pglite', 'undici', '@hono/node-server', 'tsx', 'prom-client']
    expect(carried.filter((one) => unwanted.includes(one))).toEqual([])
    expect(carried.filter((one) => one.startsWith('@aws-sdk/'))).toEqual([])
  })
})

describe('the package of the trigger', () => {
  it('runs alone, and again after a thaw that finds every connection gone', async () => {
    const schema = await makeSchema(inject('databaseUrl'))
    const postgres = await startProxy({ port: Number(new URL(schema.url).port) })
    const redis = await startProxy({ port: Number(new URL(inject('redisUrl')).port) })
    const admin = new Redis(inject('redisUrl'))
    const through = (url: string, port: number) => Object.assign(new URL(url), { port }).href
    const prefix = randomPrefix()
    const env = {
      AWS_LAMBDA_FUNCTION_NAME: 'trigger',
      DATABASE_URL: through(schema.url, postgres.port),
      REDIS_URL: through(inject('redisUrl'), redis.port),
      BROKER_KEY_PREFIX: prefix,
      BROKER_API_KEYS: 'package-key-0123456789',
      BROKER_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'),
      BROKER_ALLOWED_CIDRS: '127.0.0.1/32',
      BROKER_LOG_LEVEL: 'silent',
      TEST_RUN_FOLDER: tmpdir(),
    }
    const post = (path: string, body: unknown) =>
      httpApiV2({
        method: 'POST',
        path: `/api/v0/${path}`,
        headers: {
          authorization: `Bearer ${env.BROKER_API_KEYS}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify(body),
      })
    const register = await runFunction(filesOf('register'), env)
    const trigger = await runFunction(filesOf('trigger'), env)
    try {
      const webhook = { eventName: 'packed', webhookUrl: 'http://127.0.0.1:4000/h' }
      expect((await register.invoke(post('webhooks', webhook))).statusCode).toBe(201)

      const first = await trigger.invoke(post('trigger-event/packed', { n: 1 }))
      expect(first.statusCode).toBe(202)
      expect(JSON.parse(first.body)).toMatchObject({ eventName: 'packed', deliveries: 1 })
      // What a 202 promises is there when it is given: nothing runs afterwards.
      const jobOf = async () => {
        const [row] = await schema.sql<{ id: string }>(
          'select id from deliveries order by id desc limit 1',
        )
        return makeQueueNames(prefix).job(row?.id ?? '')
      }
      expect(await admin.exists(await jobOf())).toBe(1)

      trigger.freeze()
      postgres.reset()
      redis.reset()
      postgres.heal()
      redis.heal()
      trigger.thaw()
      const startedMs = performance.now()
      const second = await trigger.invoke(post('trigger-event/packed', { n: 2 }))
      expect([second.statusCode, JSON.parse(second.body)]).toMatchObject([202, { deliveries: 1 }])
      expect(performance.now() - startedMs).toBeLessThan(3_000)
      expect(await schema.sql('select id from deliveries')).toHaveLength(2)
      // It finds its way back to Redis, too; until then the sweep would have enqueued what it could not.
      const enqueuesAgain = async () => {
        const next = await trigger.invoke(post('trigger-event/packed', { n: 3 }))
        return next.statusCode === 202 && (await admin.exists(await jobOf())) === 1
      }
      await waitUntil(enqueuesAgain, { message: 'a job in Redis' })
    } finally {
      await Promise.all([register.stop(), trigger.stop()])
      admin.disconnect()
      await Promise.all([postgres.close(), redis.close()])
      await schema.drop()
    }
  })
})
