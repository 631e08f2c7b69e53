// The other end of child.ts: offers functions to the benchmark. The channel keeps no process alive, and a process whose
// benchmark is gone ends.

type Question = { id: number; what: string; argument: unknown }

const offered = new Map<string, (argument: never) => unknown>()

const answer = async ({ id, what, argument }: Question): Promise<void> => {
  try {
    const run = offered.get(what) as ((argument: unknown) => unknown) | undefined
    if (run === undefined) throw new Error(`${what} is not offered`)
    process.send?.({ id, answer: await run(argument) })
  } catch (error) {
    process.send?.({
      id,
      error: error instanceof Error ? (error.stack ?? error.message) : 'failed',
    })
  }
}

/** @param functions each gets one argument and returns what can be cloned, or a promise of it */
export const offer = (functions: Readonly<Record<string, (argument: never) => unknown>>): void => {
  if (offered.size === 0) {
    process.on('message', (question: Question) => void answer(question))
    process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
    process.channel?.unref()
  }
  for (const [what, run] of Object.entries(functions)) offered.set(what, run)
}
