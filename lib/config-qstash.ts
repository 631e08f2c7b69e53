// What the environment says of QStash as the dispatcher. It must not read the environment itself: lib/config.ts does.

import * as z from 'zod'
import { isBlank, type Environment, type Mode } from './config-auth.ts'
import { blankIsUnset, url } from './config-fields.ts'

export type QstashConfig = {
  /** QStash's own address when undefined. */
  url: string | undefined
  token: string
  currentSigningKey: string
  nextSigningKey: string
  /** Where QStash reaches this broker, without a slash at the end. Undefined in a function that is called at its own URL
   *  and learns that from the calls. */
  publicUrl: string | undefined
}

// The address of a function is made after the function, so its own environment cannot hold it.
const OWN_URL = 'function-url'

const NEEDED = [
  'QSTASH_TOKEN',
  'QSTASH_CURRENT_SIGNING_KEY',
  'QSTASH_NEXT_SIGNING_KEY',
  'BROKER_PUBLIC_URL',
]

export const dispatchesQstash = (env: Environment): boolean =>
  env['BROKER_DISPATCHER']?.trim() === 'qstash'

/** @returns one line for each fault of an environment that names QStash as the dispatcher */
export const qstashFaults = (env: Environment, mode: Mode): string[] => {
  const faults = NEEDED.filter((name) => isBlank(env[name])).map((name) => `${name} is missing`)
  if (mode === 'worker') {
    faults.push(
      'BROKER_DISPATCHER=qstash has no worker: QStash calls POST /internal/qstash of the API, and the sweep does the rest',
    )
  }
  return faults
}

/** An address to put a path behind: no query, no fragment, no slash at the end. */
const baseUrl = url(['https:', 'http:']).transform((value) => {
  if (value === undefined) return undefined
  const { origin, pathname } = new URL(value)
  return origin + pathname.replace(/\/+$/, '')
})

export const publicUrl = (mode: Mode) =>
  z.preprocess(
    (value) => (mode === 'lambda' && value === OWN_URL ? undefined : blankIsUnset(value)),
    baseUrl,
  )

type Parsed = {
  BROKER_DISPATCHER: 'bullmq' | 'qstash'
  QSTASH_URL?: string | undefined
  QSTASH_TOKEN?: string | undefined
  QSTASH_CURRENT_SIGNING_KEY?: string | undefined
  QSTASH_NEXT_SIGNING_KEY?: string | undefined
  BROKER_PUBLIC_URL?: string | undefined
}

// Only half of it cannot come this far: what is missing has been reported.
export const toQstash = (env: Parsed): QstashConfig | undefined =>
  env.BROKER_DISPATCHER === 'qstash'
    ? {
        url: env.QSTASH_URL,
        token: env.QSTASH_TOKEN ?? '',
        currentSigningKey: env.QSTASH_CURRENT_SIGNING_KEY ?? '',
        nextSigningKey: env.QSTASH_NEXT_SIGNING_KEY ?? '',
        publicUrl: env.BROKER_PUBLIC_URL,
      }
    : undefined
