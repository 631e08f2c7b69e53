// One wide structured line per station. Every line passes the redaction: no secret, no query string of a URL.

import { pino } from 'pino'
import type { Log } from './broker/ports.ts'
import { redactText } from './domain/redact.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** @param write where lines go; standard output when absent */
export const makeLogger = (level: LogLevel, write?: (line: string) => void): Log => {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const logger = write === undefined ? pino(options) : pino(options, { write })
  const at = (label: 'info' | 'warn' | 'error'): Log['info'] =>
    // What is not written need not be made fit to be seen.
    logger.isLevelEnabled(label)
      ? (event, fields) => {
          logger[label](present(fields), event)
        }
      : () => undefined
  return { info: at('info'), warn: at('warn'), error: at('error') }
}

/** Errors become their code, message and the messages of their causes; texts are redacted. */
const present = (fields: Record<string, unknown>): Record<string, unknown> => {
  const shown: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    shown[name] =
      value instanceof Error
        ? describeError(value)
        : typeof value === 'string'
          ? redactText(value)
          : value
  }
  return shown
}

const MAX_CAUSES = 5

/** A chain of errors as one line, outermost first, redacted. Stacks are left out: they name files, not reasons. */
export const describeError = (error: unknown): string => {
  const parts: string[] = []
  let current: unknown = error
  for (let depth = 0; current instanceof Error && depth < MAX_CAUSES; depth += 1) {
    const code = 'code' in current && typeof current.code === 'string' ? `${current.code}: ` : ''
    parts.push(code + (current.message === '' ? current.name : current.message))
    current = current.cause
  }
  return redactText(parts.length === 0 ? String(error) : parts.join(' <- '))
}
