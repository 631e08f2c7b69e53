// A faulty configuration ends a process at once, with every fault on a line of its own.

import { describeError } from '../lib/logger.ts'

export const configured = <T>(load: () => T): T => {
  try {
    return load()
  } catch (error) {
    console.error(describeError(error))
    process.exit(1)
  }
}
