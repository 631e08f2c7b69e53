import { describe, expect, it } from 'vitest'
import { loadConfig, type Environment } from '../../lib/config.ts'

const SERVICES = { DATABASE_URL: 'postgres://db/x', REDIS_URL: 'redis://r:6379' }

/** The message of the refusal, or that there was none. */
const worker = (env: Environment): string => {
  try {
    loadConfig({ ...SERVICES, ...env }, 'worker')
    return 'accepted'
  } catch (error) {
    return error instanceof Error ? error.message : 'no error'
  }
}

describe('the metrics of a worker', () => {
  it('are shown where a port is named', () => {
    const config = loadConfig({ ...SERVICES, BROKER_METRICS_PORT: '9464' }, 'worker')
    expect(config.http.metricsPort).toBe(9_464)
    expect(worker({ BROKER_METRICS_PORT: '65536' })).toContain('BROKER_METRICS_PORT')
    expect(worker({ BROKER_METRICS_PORT: 'x' })).toContain('BROKER_METRICS_PORT')
  })

  it('take a key where others than this machine reach them', () => {
    const open = { HOST: '0.0.0.0', BROKER_METRICS_PORT: '9464' }
    expect(worker(open)).toContain('BROKER_API_KEYS')
    expect(worker({ ...open, BROKER_AUTH: 'off' })).toContain('BROKER_AUTH')
    expect(worker({ ...open, BROKER_API_KEYS: 'k1' })).toBe('accepted')
    expect(worker({ HOST: '0.0.0.0' })).toBe('accepted')
  })
})
