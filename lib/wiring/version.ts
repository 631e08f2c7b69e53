// The version, once: it stands in package.json and in the user-agent that receivers see. Imported, not read, so that a
// bundle carries it.

import manifest from '../../package.json' with { type: 'json' }

export const VERSION = manifest.version
export const USER_AGENT = `webhook-broker/${manifest.version}`
