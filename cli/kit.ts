// What every command is made with: its options, its client, its output, and the way its errors become exit codes.

import { InvalidArgumentError, type Command } from 'commander'
import { apiError } from '../client/errors.ts'
import { makeClient, type BrokerClient } from '../client/client.ts'
import { loadClientConfig, wantsColour } from '../lib/config-client.ts'
import { failureOf, type ExitCode } from './exit.ts'
import { makeOutput, type Output } from './output.ts'

export type Context = {
  client: BrokerClient
  baseUrl: string
  apiKey: string | undefined
  out: Output
  /** For a command that goes on until it is stopped: aborted by ctrl-C, SIGTERM, and when nobody reads standard output
   *  any more. Until it is asked for, a signal ends the process at once, as usual. */
  stopSignal(): AbortSignal
}

/** @param args the positional ones, as declared */
export type Action<Options> = (
  context: Context,
  args: readonly string[],
  options: Options,
) => Promise<ExitCode>

export type Kit = {
  /** Declares a command; `--json` is an option of each. */
  command(nameAndArgs: string, description: string): Command
  run<Options>(action: Action<Options>): (...all: unknown[]) => Promise<void>
}

// A person waits: three tries, two seconds of waiting at most.
const RETRY = { attempts: 3, baseDelayMs: 200, maxDelayMs: 2_000, timeoutMs: 15_000 }

/** @param exit called once, with the exit code */
export const makeKit = (program: Command, exit: (code: ExitCode) => void): Kit => ({
  command: (nameAndArgs, description) =>
    program
      .command(nameAndArgs)
      .description(description)
      .option('--json', 'print JSON instead of text'),
  run:
    <Options>(action: Action<Options>) =>
    async (...all) => {
      // As commander calls it: the arguments, then the options, then the command.
      const options = all.at(-2) as Options & { json?: boolean }
      // A list of arguments comes as an array.
      const args = all
        .slice(0, -2)
        .flat()
        .filter((each) => each !== undefined) as string[]
      exit(await perform((context) => action(context, args, options), options.json === true))
    },
})

const perform = async (
  action: (context: Context) => Promise<ExitCode>,
  json: boolean,
): Promise<ExitCode> => {
  const out = makeOutput(
    { out: process.stdout, err: process.stderr },
    {
      json,
      colours: wantsColour(process.stdout.isTTY),
      isWatched: process.stderr.isTTY && !json,
    },
  )
  let baseUrl = ''
  try {
    const config = loadClientConfig()
    baseUrl = config.url
    const client = makeClient({ baseUrl, apiKey: config.apiKey, retry: RETRY })
    return await action({ client, baseUrl, apiKey: config.apiKey, out, stopSignal })
  } catch (error) {
    out.endProgress()
    return tell(error, baseUrl, out)
  }
}

const tell = (error: unknown, baseUrl: string, out: Output): ExitCode => {
  const { exit, ...failure } = failureOf(error, baseUrl)
  if (out.json) out.note(JSON.stringify({ error: failure }))
  else {
    out.note(`webhook-broker: ${failure.message}`)
    if (failure.hint !== undefined) out.note(failure.hint)
    if (failure.requestId !== undefined) out.note(`request id ${failure.requestId}`)
  }
  return exit
}

const INTERRUPTED = 130

const stopSignal = (): AbortSignal => {
  const aborter = new AbortController()
  const stop = () => {
    // Whoever asks twice does not want to wait.
    if (aborter.signal.aborted) process.exit(INTERRUPTED)
    aborter.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  process.stdout.on('error', () => aborter.abort())
  return aborter.signal
}

/** What a request was answered. @throws ApiError when it was refused */
export const unwrap = <T>(answer: { data?: T; error?: unknown; response: Response }): T => {
  if (!answer.response.ok || answer.data === undefined) {
    throw apiError(answer.response, answer.error)
  }
  return answer.data
}

/** For an option that is a whole number. */
export const whole =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** For an option that is a time: ISO 8601, or how long ago (`30m`, `2h`, `7d`). @returns ISO 8601 UTC */
export const time = (text: string): string => {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const atMs =
    count === undefined ? parseIso(text) : Date.now() - Number(count) * (UNITS[unit] ?? Number.NaN)
  if (Number.isNaN(atMs)) {
    throw new InvalidArgumentError(
      'It must be a time like 2026-01-31T12:00:00Z, or an age like 2h.',
    )
  }
  return new Date(atMs).toISOString()
}

const parseIso = (text: string): number =>
  /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN
