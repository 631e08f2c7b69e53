// Who may use the API, read from the environment, and what the rest of the configuration shares with it.

import { blankIsUnset } from './config-fields.ts'
import { parseApiKeys, type ApiKey } from './domain/api-key.ts'

/** What the process is: it decides which variables must be there. */
export type Mode = 'start' | 'api' | 'worker' | 'sweep' | 'migrate' | 'lambda'

/** `off`: no key is asked for and every request is the tenant `default`. */
export type Auth = { kind: 'keys'; keys: readonly ApiKey[] } | { kind: 'off'; reason: string }

export type Environment = Readonly<Record<string, string | undefined>>

export const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1|\[::1\]|localhost)$/i

export const isBlank = (value: string | undefined) => value === undefined || value.trim() === ''

/** Whatever the process is meant to be, on Lambda anybody who has its address reaches it. */
export const isOnLambda = (env: Environment, mode: Mode): boolean =>
  mode === 'lambda' || env['AWS_LAMBDA_FUNCTION_NAME'] !== undefined

const OFF: Auth = { kind: 'off', reason: 'BROKER_AUTH=off' }

/** Only an API asks for keys. A variable that is there but blank never means "off": it is a mistake in a deployment. */
export const readAuth = (env: Environment, mode: Mode): Auth | { faults: string[] } => {
  const loopback = LOOPBACK.test((blankIsUnset(env['HOST']) as string | undefined) ?? '127.0.0.1')
  const asksForKeys = !loopback && mode !== 'migrate' && !isBlank(env['BROKER_METRICS_PORT'])
  if ((mode === 'worker' || mode === 'sweep' || mode === 'migrate') && !asksForKeys) {
    return { kind: 'off', reason: 'this process serves no API' }
  }
  const { BROKER_AUTH: auth, BROKER_API_KEYS: keys } = env
  const onLambda = isOnLambda(env, mode)
  if (auth !== undefined && auth.trim() !== '') {
    if (auth.trim().toLowerCase() !== 'off') return { faults: ['BROKER_AUTH must be off or unset'] }
    if (onLambda) return { faults: ['BROKER_AUTH=off is refused on Lambda'] }
    if (!loopback) return { faults: ['BROKER_AUTH=off is refused on a HOST that is not loopback'] }
    return OFF
  }
  const neither = keys === undefined && auth === undefined
  if (neither && mode === 'start' && loopback && !onLambda) {
    return { kind: 'off', reason: 'neither BROKER_API_KEYS nor BROKER_AUTH is set' }
  }
  if (isBlank(keys)) {
    return { faults: ['BROKER_API_KEYS holds no key (or set BROKER_AUTH=off on a loopback HOST)'] }
  }
  const parsedKeys = parseApiKeys(keys ?? '')
  return parsedKeys === undefined
    ? {
        faults: [
          'BROKER_API_KEYS must be key, tenant:key or tenant:key:trigger|manage|read, comma separated; ' +
            'a tenant has 1 to 64 characters out of A-Z a-z 0-9 _ -',
        ],
      }
    : { kind: 'keys', keys: parsedKeys }
}
