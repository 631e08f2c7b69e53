// A log that keeps its lines for the test.

import type { Log } from '../../../lib/broker/ports.ts'

export type LogLine = {
  level: 'info' | 'warn' | 'error'
  event: string
  fields: Record<string, unknown>
}

export type RecordingLog = Log & {
  lines: LogLine[]
  /** The fields of every line of this event. */
  of(event: string): Record<string, unknown>[]
}

export const makeRecordingLog = (): RecordingLog => {
  const lines: LogLine[] = []
  const at = (level: LogLine['level']) => (event: string, fields: Record<string, unknown>) => {
    lines.push({ level, event, fields })
  }
  return {
    lines,
    of: (event) => lines.filter((line) => line.event === event).map(({ fields }) => fields),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  }
}
