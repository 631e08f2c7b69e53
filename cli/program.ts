// All commands, and what becomes of a call that is none of them.

import { Command, CommanderError } from 'commander'
import { VERSION } from '../lib/wiring/version.ts'
import { addDeliveries } from './commands/deliveries.ts'
import { addDoctor } from './commands/doctor.ts'
import { addList } from './commands/list.ts'
import { addListen } from './commands/listen.ts'
import { addRegister } from './commands/register.ts'
import { addRemove } from './commands/remove.ts'
import { addReplay } from './commands/replay.ts'
import { addShow } from './commands/show.ts'
import { addTrigger } from './commands/trigger.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { makeKit } from './kit.ts'

const AFTER_HELP = `
BROKER_URL says where the broker is (http://127.0.0.1:3000), BROKER_API_KEY holds the key.

Exit codes: 0 done, 1 failed or refused, 2 not called as it should be, 3 the broker cannot be reached,
4 the key is missing, unknown or not allowed to, 5 there is no such thing.`

/** All commands. @param exit called with the exit code of the command that ran */
export const makeProgram = (exit: (code: ExitCode) => void): Command => {
  const program = new Command('webhook-broker')
    .description('Register webhooks, trigger events, and see what became of them.')
    .version(VERSION)
    .showHelpAfterError('(--help tells more)')
    .exitOverride()
    .addHelpText('after', AFTER_HELP)
  const kit = makeKit(program, exit)
  for (const add of COMMANDS) add(kit)
  return program
}

const COMMANDS = [
  addRegister,
  addList,
  addRemove,
  addTrigger,
  addDeliveries,
  addShow,
  addReplay,
  addListen,
  addDoctor,
]

/** Runs one command. @returns its exit code */
export const runProgram = async (args: readonly string[]): Promise<ExitCode> => {
  let exit: ExitCode = EXIT.ok
  try {
    await makeProgram((code) => (exit = code)).parseAsync([...args], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    throw error
  }
  return exit
}
