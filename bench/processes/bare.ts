// What the two processes of the bare queue agree on.

import type { Pace } from './lanes.ts'

export const BARE_QUEUE = 'bare'

export type BareJob = { id: string; url: string; body: string }

export type BareLoad = { urls: string[]; body: string; pace: Pace }
