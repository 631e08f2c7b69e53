// What the command line reads of the environment: where the broker is and with which key. Part of lib/config.ts in all
// but the file: nothing else reads the environment.

import { existsSync } from 'node:fs'
import * as z from 'zod'
import { text, url } from './config-fields.ts'
import { BrokerError } from './domain/errors.ts'

export type ClientConfig = { url: string; apiKey: string | undefined }

const schema = z.object({
  BROKER_URL: url(['http:', 'https:']).transform((value) => value ?? 'http://127.0.0.1:3000'),
  BROKER_API_KEY: text,
})

/** @throws BrokerError `invalid_request` that names the variable, never its value */
export const parseClientConfig = (
  env: Readonly<Record<string, string | undefined>>,
): ClientConfig => {
  const result = schema.safeParse(env)
  if (!result.success) {
    const faults = result.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`)
    throw new BrokerError('invalid_request', faults.join('; '))
  }
  return { url: result.data.BROKER_URL, apiKey: result.data.BROKER_API_KEY }
}

/** Reads `.env` where there is one (what is already set wins) and this process's environment. */
export const loadClientConfig = (): ClientConfig => {
  if (existsSync('.env')) process.loadEnvFile('.env')
  return parseClientConfig(process.env)
}

/** Whether colours are wanted, by https://no-color.org and the terminal itself. */
export const wantsColour = (isTerminal: boolean): boolean =>
  isTerminal && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb'
