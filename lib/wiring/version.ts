// The version, once: it stands in package.json and in the user-agent that receivers see.

import { createRequire } from 'node:module'

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

export const VERSION = version
export const USER_AGENT = `webhook-broker/${version}`
