// What the middleware leaves for the handlers.

import type { Hono } from 'hono'
import type { Caller } from '../domain/api-key.ts'

export type AppEnv = { Variables: { requestId: string; caller: Caller } }
export type App = Hono<AppEnv>
