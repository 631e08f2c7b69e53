// The packages that are deployed: what they carry, how large they are, how fast they load.

import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import {
  filesOf,
  packagedOnce,
  PACKAGING_TIMEOUT_MS,
  packagesIn,
  sourcesOf,
  unpackFunction,
} from '../support/function-package.ts'
import { KEY } from '../support/function-kit.ts'
import { loadFunction, median, type LoadTime } from '../support/load-function.ts'
import { makeSchema, randomPrefix, type TestSchema } from '../support/schema.ts'

/** Each with the module of its handler, and whether it enqueues. */
const FUNCTIONS = [
  ['register', 'functions/register/handler', false],
  ['list', 'functions/list/handler', false],
  ['manage', 'functions/manage/handler', true],
  ['trigger', 'functions/trigger/http', true],
  ['deliveries', 'functions/deliveries/handler', false],
  ['site', 'functions/site/handler', false],
  ['sweep', 'functions/sweep/handler', true],
  ['events', 'functions/trigger/events', true],
  ['drain', 'functions/worker/scheduled', true],
] as const

const KIB = 1024
const MAX_ZIP_BYTES = 1536 * KIB
const MAX_ZIP_BYTES_WITHOUT_QUEUE = 600 * KIB
const MAX_LOAD_MS = 400
const RUNS = 3

let packages: string
beforeAll(async () => {
  packages = await packagedOnce()
}, PACKAGING_TIMEOUT_MS)

describe('the packages', () => {
  it('are those of the functions', () => {
    const zips = readdirSync(packages).filter((name) => name.endsWith('.zip'))
    expect(zips.sort()).toEqual(FUNCTIONS.map(([name]) => `${name}.zip`).sort())
  })

  it.each(FUNCTIONS)('%s holds its handler and nothing beside', (name, handler) => {
    const files = [...filesOf(packages, name).keys()].sort()
    const own = files.filter((file) => !file.startsWith('dashboard/dist/'))
    expect(own).toEqual([`${handler}.mjs`, `${handler}.mjs.map`])
    // The site's handler looks for the dashboard there.
    expect(files.includes('dashboard/dist/index.html')).toBe(name === 'site')
  })

  it.each(FUNCTIONS)('%s carries a queue only if it enqueues', (name, handler, enqueues) => {
    const carried = packagesIn(sourcesOf(packages, handler))
    // The control: what every one of them carries is found.
    expect(carried.has('pg')).toBe(true)
    expect(carried.has('bullmq')).toBe(enqueues)
    expect(carried.has('ioredis')).toBe(!['list', 'deliveries'].includes(name))
  })

  it.each(FUNCTIONS)('%s carries no embedded Postgres, no server and no SDK', (_name, handler) => {
    const carried = [...packagesIn(sourcesOf(packages, handler))]
    const unwanted = ['@electric-sql/pglite', '@hono/node-server', 'tsx', 'prom-client']
    expect(carried.filter((one) => unwanted.includes(one))).toEqual([])
    expect(carried.filter((one) => one.startsWith('@aws-sdk/'))).toEqual([])
  })

  it.each(FUNCTIONS)('%s carries a sender only if it attempts', (name, handler) => {
    const attempts = ['drain', 'qstash']
    expect(packagesIn(sourcesOf(packages, handler)).has('undici')).toBe(attempts.includes(name))
  })

  // An `import { z } from 'zod'` anywhere brings back the messages of zod in 40 languages, and 200 KB with them.
  it.each(FUNCTIONS)('%s carries one language of zod', (_name, handler) => {
    const languages = sourcesOf(packages, handler).filter((source) =>
      /zod\/.*\/locales\/[\w-]+\.js$/.test(source),
    )
    expect(languages.map((source) => source.replace(/.*\//, ''))).toEqual(['en.js'])
  })

  it.each(FUNCTIONS)('%s knows the lines of our own sources, without their text', (name) => {
    const [map] = [...filesOf(packages, name)].filter(([file]) => file.endsWith('.map'))
    const { sources, sourcesContent } = JSON.parse(map?.[1].toString() ?? '{}') as {
      sources: string[]
      sourcesContent?: string[]
    }
    expect(sourcesContent).toBeUndefined()
    expect(sources.some((source) => source.endsWith('lib/wiring/serving.ts'))).toBe(true)
  })
})

describe('size and speed', () => {
  const measured = new Map<string, { zipKib: number } & Partial<LoadTime>>()
  let schema: TestSchema
  beforeAll(async () => {
    schema = await makeSchema(inject('databaseUrl'))
  })
  afterAll(async () => {
    await schema.drop()
    mkdirSync('test-results', { recursive: true })
    const all = Object.fromEntries(measured)
    writeFileSync('test-results/packages.json', JSON.stringify(all, null, 2))
    process.stdout.write(`packages: ${JSON.stringify(all)}\n`)
  })

  it.each(FUNCTIONS)('%s is small enough', (name, _handler, enqueues) => {
    const zipBytes = statSync(join(packages, `${name}.zip`)).size
    measured.set(name, { zipKib: Math.round(zipBytes / KIB) })
    expect(zipBytes).toBeLessThanOrEqual(enqueues ? MAX_ZIP_BYTES : MAX_ZIP_BYTES_WITHOUT_QUEUE)
  })

  // From the first byte of its module to the moment it could take an event, with its connections. Judged by the time of
  // the processor: where tests run side by side the clock on the wall counts the others, too. Alone they are the same.
  it.each(FUNCTIONS)('%s loads fast enough', async (name) => {
    const handler = unpackFunction(filesOf(packages, name))
    const env = {
      NODE_OPTIONS: '--enable-source-maps',
      TEST_RUN_FOLDER: tmpdir(),
      AWS_LAMBDA_FUNCTION_NAME: name,
      DATABASE_URL: schema.url,
      REDIS_URL: inject('redisUrl'),
      BROKER_KEY_PREFIX: randomPrefix(),
      BROKER_API_KEYS: KEY,
      BROKER_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'),
      BROKER_LOG_LEVEL: 'silent',
    }
    const times: LoadTime[] = []
    while (times.length < RUNS) times.push(await loadFunction(handler, env))
    const cpuMs = median(times.map((time) => time.cpuMs))
    const wallMs = median(times.map((time) => time.wallMs))
    measured.set(name, { zipKib: measured.get(name)?.zipKib ?? 0, cpuMs, wallMs })
    expect(cpuMs).toBeLessThanOrEqual(MAX_LOAD_MS)
  })
})
