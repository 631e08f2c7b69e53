// The container without a container engine: what the Dockerfile builds and copies, beside a production install, run by
// the commands of docker-compose.yml. What needs the engine itself (the base images, the user, the health of Redis and
// Postgres) is read, not run.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { parse } from 'yaml'
import { bundle, bundleServer } from '../../scripts/build.ts'
import { startProcess, type BrokerProcess } from '../support/process.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { makeSchema, randomPrefix, type TestSchema } from '../support/schema.ts'
import { waitUntil } from '../support/wait.ts'

type Service = {
  image: string
  command: string[]
  environment: Record<string, string>
  depends_on: Record<string, { condition: string }>
  healthcheck?: { disable?: boolean; test?: string[] }
  volumes?: string[]
}
type Compose = { services: Record<string, Service>; volumes: Record<string, unknown> }

const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as Compose
const dockerfile = readFileSync('Dockerfile', 'utf8')
const stages = dockerfile.split(/^(?=FROM )/m).filter((stage) => stage.startsWith('FROM '))
const instructions = (name: string, stage = -1): string[] =>
  (stages.at(stage) ?? '')
    .split('\n')
    .filter((line) => line.startsWith(`${name} `))
    .map((line) => line.slice(name.length + 1))
const service = (name: string): Service => {
  const found = compose.services[name]
  if (found === undefined) throw new Error(`there is no ${name}`)
  return found
}

describe('the Dockerfile', () => {
  it('makes a slim image of production dependencies that runs as nobody special', () => {
    expect(stages.map((stage) => stage.split('\n')[0])).toEqual([
      'FROM node:24-slim AS dependencies',
      'FROM node:24-slim AS built',
      'FROM node:24-slim',
    ])
    expect(stages[0]).toContain('RUN npm ci --omit=dev')
    expect(stages[1]).toContain('RUN npm run build:dashboard && npm run build\n')
    expect(instructions('COPY')).toContain('--from=built /app/dist ./dist')
    expect(instructions('COPY')).toContain('--from=built /app/dashboard/dist ./dashboard/dist')
    expect(instructions('ENV')).toEqual([
      'NODE_ENV=production HOST=0.0.0.0 PORT=3000',
      'NODE_OPTIONS="--max-semi-space-size=8 --max-old-space-size=512"',
    ])
    expect(instructions('USER')).toEqual(['node'])
    // Nothing is written after the user has changed, so it owns nothing.
    const [, afterUser = ''] = dockerfile.split('USER node')
    expect(afterUser).not.toMatch(/^(COPY|RUN|ADD)/m)
  })

  it('takes in only what .dockerignore lets through, and no secret', () => {
    const letIn = readFileSync('.dockerignore', 'utf8').split('\n')
    expect(letIn.filter((line) => line !== '' && !line.startsWith('#'))[0]).toBe('*')
    const letsIn = (name: string) =>
      letIn.includes(`!${name}`) || letIn.includes(`!${name.split('/')[0]}`)
    for (const name of [...copied(0), ...copied(1), ...copied()]) {
      expect([name, letsIn(name)]).toEqual([name, true])
    }
    expect(letIn.filter((line) => /env|secret|\.data/i.test(line) && line.startsWith('!'))).toEqual(
      [],
    )
  })
})

/** What a stage, the last one when not named, copies from the project. */
const copied = (stage = -1): string[] =>
  instructions('COPY', stage)
    .filter((line) => !line.startsWith('--from'))
    .flatMap((line) => line.split(' ').slice(0, -1))

describe('docker-compose.yml', () => {
  it('has the parts, and waits for what each of them needs', () => {
    const needs = Object.entries(compose.services).map(([name, { depends_on }]) => [
      name,
      Object.entries((depends_on as Service['depends_on'] | undefined) ?? {}).map(
        ([other, { condition }]) => `${other} ${condition}`,
      ),
    ])
    const afterMigration = ['migrate service_completed_successfully', 'redis service_healthy']
    expect(Object.fromEntries(needs)).toEqual({
      migrate: ['postgres service_healthy'],
      api: afterMigration,
      worker: afterMigration,
      sweep: afterMigration,
      redis: [],
      postgres: [],
    })
  })

  it('keeps the queue on disk, never evicts from it, and keeps the log on a volume', () => {
    expect(service('redis').command.join(' ')).toBe(
      'redis-server --appendonly yes --appendfsync everysec --maxmemory-policy noeviction',
    )
    expect(service('redis').volumes).toEqual(['redis:/data'])
    expect(service('postgres').volumes).toEqual(['postgres:/var/lib/postgresql/data'])
    expect(Object.keys(compose.volumes)).toEqual(['redis', 'postgres'])
    for (const name of ['redis', 'postgres']) {
      expect(service(name).healthcheck?.test?.length).toBeGreaterThan(1)
    }
  })

  it('starts Redis with words that Redis knows', async () => {
    const [program = '', ...words] = service('redis').command
    const cwd = mkdtempSync(join(tmpdir(), 'webhook-broker-redis-'))
    // A socket in the place of a port, so that it meets no other server.
    const redis = spawn(program, [...words, '--port', '0', '--unixsocket', join(cwd, 'socket')], {
      cwd,
    })
    const ended = once(redis, 'close')
    let output = ''
    redis.stdout.on('data', (part: Buffer) => (output += part.toString()))
    const isReady = () => /ready to accept connections/i.test(output)
    await waitUntil(() => isReady() || redis.exitCode !== null).catch(() => undefined)
    redis.kill('SIGKILL')
    await ended
    expect(output).toMatch(/ready to accept connections/i)
    expect(existsSync(join(cwd, 'appendonlydir'))).toBe(true)
  })

  it('holds no key of its own: without one it does not start', () => {
    for (const name of ['BROKER_API_KEYS', 'BROKER_SECRET_KEY']) {
      expect(service('api').environment[name]).toMatch(new RegExp(`^\\$\\{${name}:\\?`))
    }
  })
})

describe('the image', () => {
  let image: string
  let schema: TestSchema
  let receiver: Receiver
  let env: Record<string, string>
  beforeAll(async () => {
    image = mkdtempSync(join(tmpdir(), 'webhook-broker-image-'))
    for (const name of [...copied(), 'package-lock.json', '.npmrc']) {
      cpSync(name, join(image, name), { recursive: true })
    }
    const install = ['ci', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline']
    await promisify(execFile)('npm', install, { cwd: image })
    await bundleServer(join(image, 'dist/server'))
    await bundle('cli/main.ts', join(image, 'dist/cli'))
    schema = await makeSchema(inject('databaseUrl'))
    receiver = await startReceiver()
    env = {
      NODE_ENV: 'production',
      NODE_OPTIONS: '--max-semi-space-size=8 --max-old-space-size=512',
      PORT: '0',
      DATABASE_URL: schema.url,
      REDIS_URL: inject('redisUrl'),
      BROKER_KEY_PREFIX: randomPrefix(),
      BROKER_API_KEYS: 'container-key-0123456789',
      BROKER_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'),
      BROKER_ALLOWED_CIDRS: '127.0.0.1/32',
    }
  }, 180_000)
  afterAll(async () => {
    await receiver.close()
    await schema.drop()
  })

  /** Starts a service by its own command. */
  const start = (name: string, readyLine?: RegExp): Promise<BrokerProcess> => {
    const [node, script = '', ...args] = service(name).command
    expect(node).toBe('node')
    return startProcess({
      script,
      args,
      env,
      cwd: image,
      ...(readyLine === undefined ? {} : { readyLine }),
    })
  }
  const health = async (port: string): Promise<number> => {
    const [, command = '[]'] = /CMD (.*)$/.exec(instructions('HEALTHCHECK')[0] ?? '') ?? []
    const [program = '', ...args] = JSON.parse(command) as string[]
    const options = { cwd: image, env: { ...process.env, PORT: port } }
    return promisify(execFile)(program, args, options).then(
      () => 0,
      (error: unknown) => (error as { code: number }).code,
    )
  }

  it('has no development dependency', () => {
    expect(existsSync(join(image, 'node_modules/bullmq'))).toBe(true)
    for (const name of ['vitest', 'typescript', 'eslint', 'serverless']) {
      expect(existsSync(join(image, 'node_modules', name))).toBe(false)
    }
  })

  it('holds what was built, and no sources', () => {
    expect(existsSync(join(image, 'dist/server/api.js'))).toBe(true)
    for (const name of ['lib', 'local/api.ts', 'cli/main.ts', 'tests', '.env']) {
      expect(existsSync(join(image, name))).toBe(false)
    }
  })

  it('is the API when nothing else is asked for', () => {
    expect(instructions('CMD')).toEqual([
      JSON.stringify(service('api').command).replaceAll(',', ', '),
    ])
  })

  it('migrates, accepts, delivers and repairs, says when it is healthy, and ends when told to', async () => {
    const migrate = await start('migrate')
    expect((await migrate.exited).code).toBe(0)

    const api = await start('api', /api ready on/)
    const [worker, sweep] = await Promise.all([
      start('worker', /worker ready/),
      start('sweep', /sweep ready/),
    ])
    const url =
      /http:\S+/.exec(api.lines.find((line) => line.includes('ready on')) ?? '')?.[0] ?? ''
    const { port } = new URL(url)
    expect(await health(port)).toBe(0)

    const post = (path: string, body: unknown) =>
      fetch(`http://127.0.0.1:${port}/api/v0/${path}`, {
        method: 'POST',
        headers: {
          authorization: 'Bearer container-key-0123456789',
          'content-type': 'application/json',
        },
        body: JSON.stringify(body),
      })
    const webhook = { eventName: 'shipped', webhookUrl: `${receiver.url}/hook` }
    expect((await post('webhooks', webhook)).status).toBe(201)
    expect((await post('trigger-event/shipped', { n: 1 })).status).toBe(202)
    const [request] = await receiver.waitFor(1)
    expect(request?.body.toString()).toBe('{"n":1}')

    const doctor = await startProcess({
      script: 'cli/bin.js',
      args: ['doctor'],
      env: { ...env, BROKER_URL: url, BROKER_API_KEY: 'container-key-0123456789' },
      cwd: image,
    })
    await doctor.exited
    // The Postgres of the tests does without fsync.
    expect(doctor.lines.filter((line) => /^(FAIL|webhook)/.test(line))).toEqual([
      expect.stringMatching(/^FAIL {2}postgres +fsync is off/),
    ])

    for (const each of [api, worker, sweep]) expect((await each.stop()).code).toBe(0)
    expect(await health(port)).toBe(1)
  })
})
