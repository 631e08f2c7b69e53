// The life of a process: parts are stopped in the opposite order of their start, on SIGTERM and SIGINT, within a bound.
// It exits 0 after a clean stop, 1 after a failure to start, 2 when a part did not stop in time.

import { BrokerError } from '../lib/domain/errors.ts'
import { describeError } from '../lib/logger.ts'

export type Lifecycle = {
  /** Registers how to stop what was just started. */
  onStop(name: string, stop: () => Promise<void>): void
  /** Stops everything, as a signal would. */
  stop(): Promise<void>
  /** Aborted as soon as the stop begins. */
  stopping: AbortSignal
}

/**
 * Runs a process until it is told to stop.
 *
 * @param stopTimeoutMs how long all parts together may take to stop
 */
export const runProcess = async (
  stopTimeoutMs: number,
  start: (lifecycle: Lifecycle) => Promise<void>,
): Promise<void> => {
  const parts: { name: string; stop: () => Promise<void> }[] = []
  const aborter = new AbortController()
  let stopped: Promise<void> | undefined
  let failed = false

  const stopAll = async () => {
    aborter.abort()
    for (const { name, stop } of parts.reverse()) {
      await stop().catch((error: unknown) => {
        failed = true
        console.error(`stopping ${name} failed: ${describeError(error)}`)
      })
    }
  }
  const stop = () => (stopped ??= stopAll())
  const exitAfterStop = (signal: NodeJS.Signals) => {
    console.log(`stopping on ${signal}`)
    // A part that hangs must not keep the process: what it had in flight is found by its lease.
    setTimeout(() => {
      console.error(`not stopped within ${stopTimeoutMs} ms`)
      process.exit(2)
    }, stopTimeoutMs).unref()
    void stop().then(() => process.exit(failed ? 1 : 0))
  }
  process.once('SIGTERM', exitAfterStop)
  process.once('SIGINT', exitAfterStop)

  try {
    await start({
      onStop: (name, stopPart) => parts.push({ name, stop: stopPart }),
      stop,
      stopping: aborter.signal,
    })
  } catch (error) {
    console.error(startError(error))
    await stop()
    process.exit(1)
  }
}

/** What a person at a terminal needs: the message and its causes, no stack. */
const startError = (error: unknown): string =>
  error instanceof BrokerError
    ? describeError(error)
    : error instanceof Error
      ? `${describeError(error)}\n${error.stack ?? ''}`
      : String(error)
