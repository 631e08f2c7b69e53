// A Lua script as a command of its connection.

import type { Redis } from 'ioredis'

export type Script = { name: string; keys: number; lua: string }

/** @returns sends the script by its hash, and whole to a Redis that does not know it: keys first, then the other arguments */
export const scriptCommand = (
  redis: Redis,
  { name, keys, lua }: Script,
): ((...args: readonly (string | number)[]) => Promise<unknown>) => {
  redis.defineCommand(name, { numberOfKeys: keys, lua })
  const command = Reflect.get(redis, name) as (...args: unknown[]) => Promise<unknown>
  return (...args) => command.apply(redis, [...args])
}
