import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { loadConfig, type Environment, type Mode } from '../../lib/config.ts'

const KEY_32 = Buffer.alloc(32, 1).toString('base64')

const SERVICES = { DATABASE_URL: 'postgres://db/x', REDIS_URL: 'redis://r:6379' }
const API: Environment = { ...SERVICES, BROKER_API_KEYS: 'k1' }

/** The message of the refusal, or that there was none. */
const refusal = (env: Environment, mode: Mode = 'api'): string => {
  try {
    loadConfig(env, mode)
    return 'accepted'
  } catch (error) {
    return error instanceof Error ? error.message : 'no error'
  }
}

describe('defaults', () => {
  it('are those of the documentation', () => {
    const config = loadConfig(API, 'api')
    expect(config.http).toEqual({
      host: '127.0.0.1',
      port: 3000,
      maxPayloadBytes: 262_144,
      loopback: true,
      metricsPort: undefined,
    })
    expect(config.delivery).toEqual({
      allowedCidrs: [],
      httpsOnly: false,
      schedule: [
        5_000, 30_000, 120_000, 600_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 86_400_000,
        86_400_000,
      ],
      jitter: 0.2,
      timeoutMs: 15_000,
      leaseMarginMs: 15_000,
      concurrency: 100,
      breakerFailures: 10,
      breakerOpenMs: 30_000,
    })
    expect(config.sweep).toEqual({ intervalMs: 60_000, graceMs: 30_000 })
    expect([config.retentionDays, config.dataDir, config.keyPrefix, config.qstash]).toEqual([
      30,
      '.data',
      'broker',
      undefined,
    ])
    expect([config.logLevel, config.upstash, config.secretKeys]).toEqual(['info', undefined, []])
  })

  it('hold for blank variables, too', () => {
    const blank = { PORT: '', HOST: ' ', BROKER_RETRY_SCHEDULE: '', BROKER_KEY_PREFIX: '\t' }
    expect(loadConfig({ ...API, ...blank }, 'api')).toEqual(loadConfig(API, 'api'))
  })

  it('let npm start call receivers on its own machine, and nobody else', () => {
    expect(loadConfig({}, 'start').delivery.allowedCidrs).toHaveLength(2)
    expect(loadConfig(API, 'api').delivery.allowedCidrs).toHaveLength(0)
  })
})

describe('values', () => {
  it('are parsed to what they mean', () => {
    const config = loadConfig(
      {
        ...API,
        BROKER_RETRY_SCHEDULE: '200ms,1s,2m,3h,1d',
        BROKER_RETRY_JITTER: '0',
        BROKER_HTTPS_ONLY: 'on',
        BROKER_ALLOWED_CIDRS: '10.0.0.0/8, fd00::/8',
        BROKER_SECRET_KEY: `${KEY_32},${Buffer.alloc(32, 2).toString('base64')}`,
        UPSTASH_REDIS_REST_URL: 'https://u.example',
        UPSTASH_REDIS_REST_TOKEN: 't',
      },
      'api',
    )
    expect(config.delivery.schedule).toEqual([200, 1_000, 120_000, 10_800_000, 86_400_000])
    expect([config.delivery.jitter, config.delivery.httpsOnly]).toEqual([0, true])
    expect(config.delivery.allowedCidrs).toHaveLength(2)
    expect(config.secretKeys.map(([first]) => first)).toEqual([1, 2])
    expect(config.upstash).toEqual({ url: 'https://u.example', token: 't' })
  })

  it.each([
    ['PORT', '65536', 'PORT must be at most 65535'],
    ['PORT', '80a', 'PORT must be a whole number'],
    ['PORT', '-1', 'PORT must be a whole number'],
    ['PORT', '1.5', 'PORT must be a whole number'],
    ['DATABASE_URL', 'mysql://x', 'DATABASE_URL must be a URL that begins with postgres://'],
    ['REDIS_URL', 'localhost:6379', 'REDIS_URL must be a URL that begins with redis://'],
    ['BROKER_DISPATCHER', 'kafka', 'BROKER_DISPATCHER must be bullmq or qstash'],
    ['BROKER_ALLOWED_CIDRS', '10.0.0.0/33', 'BROKER_ALLOWED_CIDRS must be ranges'],
    ['BROKER_HTTPS_ONLY', 'maybe', 'BROKER_HTTPS_ONLY must be on or off'],
    ['BROKER_RETRY_SCHEDULE', '5s,,1m', 'BROKER_RETRY_SCHEDULE must be delays'],
    ['BROKER_RETRY_SCHEDULE', '5', 'BROKER_RETRY_SCHEDULE must be delays'],
    ['BROKER_RETRY_JITTER', '1.1', 'BROKER_RETRY_JITTER must be a number from 0 to 1'],
    ['BROKER_DELIVERY_TIMEOUT_MS', '60001', 'BROKER_DELIVERY_TIMEOUT_MS must be at most 60000'],
    ['BROKER_DELIVERY_TIMEOUT_MS', '0', 'BROKER_DELIVERY_TIMEOUT_MS must be at least 1'],
    ['BROKER_SECRET_KEY', 'c2hvcnQ=', 'BROKER_SECRET_KEY must be the base64 of 32 bytes'],
    ['BROKER_LOG_LEVEL', 'loud', 'BROKER_LOG_LEVEL must be debug'],
    ['BROKER_EVENTS_TENANT', 'a:b', 'BROKER_EVENTS_TENANT must be 1 to 64 characters'],
    ['BROKER_KEY_PREFIX', 'a:b', 'BROKER_KEY_PREFIX must be 1 to 64 characters'],
    ['BROKER_KEY_PREFIX', 'p'.repeat(65), 'BROKER_KEY_PREFIX must be 1 to 64 characters'],
  ])('%s=%s is refused by name', (name, value, expected) => {
    expect(refusal({ ...API, [name]: value })).toContain(`  ${expected}`)
  })
})

describe('a faulty environment', () => {
  it('is told every fault at once', () => {
    expect(
      refusal({ PORT: 'x', BROKER_AUTH: 'no', BROKER_RETRY_JITTER: '2', QSTASH_URL: 'x' }).split(
        '\n',
      ),
    ).toEqual([
      'the configuration has 6 faults:',
      '  PORT must be a whole number',
      '  QSTASH_URL must be a URL that begins with https:// or http://',
      '  BROKER_RETRY_JITTER must be a number from 0 to 1',
      '  DATABASE_URL is missing',
      '  REDIS_URL is missing',
      '  BROKER_AUTH must be off or unset',
    ])
  })

  it('never sees a value of its own in the message', () => {
    const message = refusal({
      DATABASE_URL: 'mysql://user:PASSWORD-1@db/x',
      REDIS_URL: 'http://:PASSWORD-2@r',
      BROKER_API_KEYS: 'acme:KEY-3:admin',
      BROKER_SECRET_KEY: 'SECRET-4',
      UPSTASH_REDIS_REST_TOKEN: 'TOKEN-5',
      BROKER_KEY_PREFIX: 'PREFIX 6',
    })
    expect(message).toContain('the configuration has 6 faults')
    expect(message).not.toMatch(/PASSWORD|KEY-3|SECRET-4|TOKEN-5|PREFIX 6/)
  })
})

describe('what a process needs', () => {
  it.each<[Mode, string[]]>([
    ['api', ['DATABASE_URL is missing', 'REDIS_URL is missing', 'BROKER_API_KEYS holds no key']],
    ['worker', ['DATABASE_URL is missing', 'REDIS_URL is missing']],
    ['sweep', ['DATABASE_URL is missing', 'REDIS_URL is missing']],
    ['migrate', ['DATABASE_URL is missing']],
    [
      'lambda',
      ['DATABASE_URL is missing', 'BROKER_SECRET_KEY is missing', 'BROKER_API_KEYS holds no key'],
    ],
  ])('%s', (mode, expected) => {
    const [, ...faults] = refusal({}, mode).split('\n')
    expect(faults.map((line) => line.trim().replace(/ \(or .*/, ''))).toEqual(expected)
  })

  // Only the handlers were asked for it; an API in a function's container stored secrets as they are.
  it('is the secret key of whatever runs on Lambda', () => {
    expect(refusal({ ...API, AWS_LAMBDA_FUNCTION_NAME: 'f' })).toContain(
      'BROKER_SECRET_KEY is missing',
    )
    expect(refusal({ ...API, AWS_LAMBDA_FUNCTION_NAME: 'f', BROKER_SECRET_KEY: KEY_32 })).toBe(
      'accepted',
    )
  })

  it('is nothing at all for npm start', () => {
    expect(refusal({}, 'start')).toBe('accepted')
  })

  it('is both halves of the REST access to Redis', () => {
    expect(refusal({ ...API, UPSTASH_REDIS_REST_URL: 'https://u.example' })).toContain(
      'UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN go together',
    )
  })
})

describe('authentication', () => {
  const authOf = (env: Environment, mode: Mode) => {
    try {
      return loadConfig({ ...SERVICES, BROKER_SECRET_KEY: KEY_32, ...env }, mode).auth.kind
    } catch {
      return 'refused'
    }
  }

  it.each<[string, Environment, Mode, string]>([
    ['keys', { BROKER_API_KEYS: 'k' }, 'api', 'keys'],
    ['off on loopback', { BROKER_AUTH: 'off' }, 'api', 'off'],
    ['off in capitals', { BROKER_AUTH: 'OFF' }, 'api', 'off'],
    ['off on ::1', { BROKER_AUTH: 'off', HOST: '::1' }, 'api', 'off'],
    ['off on localhost', { BROKER_AUTH: 'off', HOST: 'localhost' }, 'api', 'off'],
    ['off on every address', { BROKER_AUTH: 'off', HOST: '0.0.0.0' }, 'api', 'refused'],
    ['off on ::', { BROKER_AUTH: 'off', HOST: '::' }, 'api', 'refused'],
    [
      'off on a look-alike',
      { BROKER_AUTH: 'off', HOST: '127.0.0.1.evil.example' },
      'api',
      'refused',
    ],
    ['off on Lambda', { BROKER_AUTH: 'off' }, 'lambda', 'refused'],
    [
      'off in a container on Lambda',
      { BROKER_AUTH: 'off', AWS_LAMBDA_FUNCTION_NAME: 'f' },
      'api',
      'refused',
    ],
    ['another word for off', { BROKER_AUTH: 'false' }, 'api', 'refused'],
    ['on', { BROKER_AUTH: 'on', BROKER_API_KEYS: 'k' }, 'api', 'refused'],
    ['nothing', {}, 'api', 'refused'],
    ['nothing, with npm start', {}, 'start', 'off'],
    ['nothing, with npm start on every address', { HOST: '0.0.0.0' }, 'start', 'refused'],
    ['nothing, with npm start on Lambda', { AWS_LAMBDA_FUNCTION_NAME: 'f' }, 'start', 'refused'],
    ['blank keys, with npm start', { BROKER_API_KEYS: '' }, 'start', 'refused'],
    ['blanks as keys, with npm start', { BROKER_API_KEYS: ' ' }, 'start', 'refused'],
    ['a blank BROKER_AUTH, with npm start', { BROKER_AUTH: '' }, 'start', 'refused'],
    ['a blank BROKER_AUTH beside keys', { BROKER_AUTH: '', BROKER_API_KEYS: 'k' }, 'start', 'keys'],
    ['blank keys beside off', { BROKER_AUTH: 'off', BROKER_API_KEYS: '' }, 'api', 'off'],
    ['a comma', { BROKER_API_KEYS: ',' }, 'api', 'refused'],
    ['a bad key among good ones', { BROKER_API_KEYS: 'k,a:b:c:d' }, 'api', 'refused'],
    ['nothing, in a worker', {}, 'worker', 'off'],
    ['nothing, in a sweep', {}, 'sweep', 'off'],
  ])('%s', (...[, env, mode, expected]) => {
    expect(authOf(env, mode)).toBe(expected)
  })
})

describe('.env.example', () => {
  const example = readFileSync('.env.example', 'utf8')
  const named = [...example.matchAll(/^# ?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name)

  it('explains every variable that is read, and no other', () => {
    const read = [...readFileSync('lib/config.ts', 'utf8').matchAll(/^ {4}([A-Z][A-Z0-9_]+):/gm)]
      .map(([, name]) => name)
      // For the fault tests, and no setting.
      .filter((name) => name !== 'FAILPOINTS')
    expect([...named].sort()).toEqual([...read, 'BROKER_API_KEYS', 'BROKER_AUTH'].sort())
  })

  it('shows the defaults, but for what has none', () => {
    const settings = [...example.matchAll(/^# ?([A-Z][A-Z0-9_]+)=(.*)$/gm)]
      .map(([, name = '', value = '']) => [name, value] as const)
      .filter(
        ([name]) =>
          !/^(DATABASE_URL|REDIS_URL|UPSTASH_.*|QSTASH_.*)$/.test(name) &&
          !/_(API_KEYS|AUTH|ALLOWED_CIDRS|SECRET_KEY|PUBLIC_URL|DRAIN_FUNCTION|METRICS_PORT)$/.test(
            name,
          ),
      )
    expect(settings).toHaveLength(20)
    expect(loadConfig({ ...API, ...Object.fromEntries(settings) }, 'api')).toEqual(
      loadConfig(API, 'api'),
    )
  })

  it('sets nothing as it stands', () => {
    expect(example.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([])
  })
})
