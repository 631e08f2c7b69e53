// The command line, as a process. It ends by running out of work, never by process.exit: what is still on its way to a
// pipe would be cut off.

import { runProgram } from './program.ts'

// `webhook-broker list | head` has what it wanted: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

process.exitCode = await runProgram(process.argv.slice(2))
