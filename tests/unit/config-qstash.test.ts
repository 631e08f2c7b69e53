// QStash as the dispatcher: what it needs, and what it makes unnecessary.

import { describe, expect, it } from 'vitest'
import { loadConfig, type Environment, type Mode } from '../../lib/config.ts'

const QSTASH = {
  DATABASE_URL: 'postgres://db/x',
  BROKER_API_KEYS: 'k1',
  BROKER_DISPATCHER: 'qstash',
  QSTASH_TOKEN: 'token-of-ours',
  QSTASH_CURRENT_SIGNING_KEY: 'sig_current',
  QSTASH_NEXT_SIGNING_KEY: 'sig_next',
  BROKER_PUBLIC_URL: 'https://broker.example/base/',
}
const SECRET_KEY = { BROKER_SECRET_KEY: Buffer.alloc(32, 1).toString('base64') }

/** The lines of the refusal, or that there was none. */
const faults = (env: Environment, mode: Mode = 'api'): string[] => {
  try {
    loadConfig(env, mode)
    return ['accepted']
  } catch (error) {
    const text = error instanceof Error ? error.message : ''
    return text
      .split('\n')
      .slice(1)
      .map((line) => line.trim())
  }
}

describe('QStash as the dispatcher', () => {
  it('is read as a whole, and needs no Redis', () => {
    const config = loadConfig(QSTASH, 'api')
    expect(config.qstash).toEqual({
      url: undefined,
      token: 'token-of-ours',
      currentSigningKey: 'sig_current',
      nextSigningKey: 'sig_next',
      publicUrl: 'https://broker.example/base',
    })
    expect(config.redisUrl).toBeUndefined()
  })

  it('is refused with everything that is missing, all at once', () => {
    expect(faults({ BROKER_DISPATCHER: ' qstash ', BROKER_API_KEYS: 'k1' })).toEqual([
      'BROKER_DISPATCHER must be bullmq or qstash',
      'DATABASE_URL is missing',
      'QSTASH_TOKEN is missing',
      'QSTASH_CURRENT_SIGNING_KEY is missing',
      'QSTASH_NEXT_SIGNING_KEY is missing',
      'BROKER_PUBLIC_URL is missing',
    ])
    expect(faults({ ...QSTASH, QSTASH_TOKEN: ' ', QSTASH_NEXT_SIGNING_KEY: '' })).toEqual([
      'QSTASH_TOKEN is missing',
      'QSTASH_NEXT_SIGNING_KEY is missing',
    ])
  })

  it.each(['api', 'sweep', 'start', 'lambda'] as const)('is taken by %s', (mode) => {
    expect(faults({ ...QSTASH, ...SECRET_KEY }, mode)).toEqual(['accepted'])
  })

  it('leaves a worker nothing to do, so that one is refused', () => {
    expect(faults(QSTASH, 'worker')).toEqual([
      'BROKER_DISPATCHER=qstash has no worker: QStash calls POST /internal/qstash of the API, and the sweep does the rest',
    ])
  })

  it('is asked again by the sweep after two minutes, and BullMQ after half a minute', () => {
    const others = { ...QSTASH, BROKER_DISPATCHER: '' }
    expect(loadConfig(QSTASH, 'api').sweep.graceMs).toBe(120_000)
    expect(loadConfig({ ...QSTASH, BROKER_SWEEP_GRACE_MS: '5000' }, 'api').sweep.graceMs).toBe(
      5_000,
    )
    expect(loadConfig({ ...others, REDIS_URL: 'redis://r' }, 'api').sweep.graceMs).toBe(30_000)
  })

  it('is nothing without BROKER_DISPATCHER, whatever else is set', () => {
    const others = { ...QSTASH, BROKER_DISPATCHER: '' }
    expect(loadConfig({ ...others, REDIS_URL: 'redis://r' }, 'api').qstash).toBeUndefined()
    expect(faults(others)).toEqual(['REDIS_URL is missing'])
  })

  it('shows no token and no key in a refusal', () => {
    const text = faults({ ...QSTASH, PORT: 'x', BROKER_PUBLIC_URL: 'ftp://token-of-ours' }).join()
    expect(text).toBe(
      'PORT must be a whole number,BROKER_PUBLIC_URL must be a URL that begins with https:// or http://',
    )
  })
})

describe('BROKER_PUBLIC_URL=function-url', () => {
  const own = { ...QSTASH, ...SECRET_KEY, BROKER_PUBLIC_URL: 'function-url' }

  it('lets a function learn its address from the calls', () => {
    expect(loadConfig(own, 'lambda').qstash).toMatchObject({
      publicUrl: undefined,
      currentSigningKey: 'sig_current',
    })
  })

  it('is no address of anything else', () => {
    expect(faults(own, 'api')).toEqual([
      'BROKER_PUBLIC_URL must be a URL that begins with https:// or http://',
    ])
  })
})
