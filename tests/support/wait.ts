// Waits for a condition instead of sleeping. Use it where no event says that something happened.

const INTERVAL_MS = 10

/**
 * Resolves with the first value that is neither undefined nor false.
 *
 * @param condition asked every 10 ms; may be asynchronous; an error it throws ends the wait
 * @throws Error naming `message` when `timeoutMs` have passed
 */
export const waitUntil = async <T>(
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 10_000, message = 'the condition' }: { timeoutMs?: number; message?: string } = {},
): Promise<T> => {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = await condition()
    if (value !== undefined && value !== false) return value
    if (performance.now() >= deadline) {
      throw new Error(`waited ${timeoutMs} ms in vain for: ${message}`)
    }
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS))
  }
}
