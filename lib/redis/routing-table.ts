// The routing table: sets event name -> URLs, believed only together with the version they were made from. The logic
// stands here once; ioredis and the REST client of Upstash are two ways to run its commands.

import type { RoutingChange, RoutingSnapshot, RoutingTable } from '../broker/ports.ts'
import type { RoutingKeys } from './keys.ts'

/** What the table needs of a client. Values are text, whatever the client would like to make of them. */
export type RoutingCommands = {
  /** GET and SMEMBERS in this order, in one round trip. */
  versionAndMembers(versionKey: string, setKey: string): Promise<[string | null, string[]]>
  getMany(keys: readonly string[]): Promise<(string | null)[]>
  run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>
}

// A tenant's very first change finds no version and makes one, unless a rebuild is under way; every other change needs
// the version before it.
const APPLY = `
local held = redis.call('GET', KEYS[1])
if held ~= ARGV[1] and not (not held and ARGV[1] == '0' and redis.call('EXISTS', KEYS[3]) == 0) then return 0 end
redis.call(ARGV[3], KEYS[2], ARGV[4])
redis.call('SET', KEYS[1], ARGV[2])
return 1`

// A rebuild takes the tenant: the version goes first, so nothing is believed until the end, and a later rebuild takes
// it over by its own token. Without the token, an older rebuild could write its old sets under the newer one's version.
const BEGIN = `
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1`

const WRITE_SET = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == 'first' then redis.call('DEL', KEYS[2]) end
redis.call('SADD', KEYS[2], unpack(ARGV, 3))
return 1`

const END = `
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[2])
return 1`

const REBUILD_TTL_MS = 60_000
// Lua's unpack is limited to about 8,000 values.
const MEMBERS_PER_WRITE = 1_000
const KEYS_PER_READ = 1_000

/** @param makeToken a fresh random text for each rebuild */
export const makeRoutingTable = (
  commands: RoutingCommands,
  keys: RoutingKeys,
  makeToken: () => string,
): RoutingTable => ({
  lookup: async (tenant, eventName) => {
    const [version, urls] = await commands.versionAndMembers(
      keys.version(tenant),
      keys.event(tenant, eventName),
    )
    return version === null ? undefined : { version: Number(version), urls }
  },
  apply: (change) => apply(commands, keys, change),
  versions: async (tenants) => {
    const held: (number | undefined)[] = []
    for (let at = 0; at < tenants.length; at += KEYS_PER_READ) {
      const chunk = tenants.slice(at, at + KEYS_PER_READ).map(keys.version)
      for (const version of await commands.getMany(chunk)) {
        held.push(version === null ? undefined : Number(version))
      }
    }
    return held
  },
  rebuild: async (snapshot, tenant) => {
    const token = makeToken()
    const names = { version: keys.version(tenant), rebuild: keys.rebuild(tenant) }
    await commands.run(BEGIN, [names.version, names.rebuild], [token, String(REBUILD_TTL_MS)])
    // Read after the version is gone: a change that commits from now on finds no version and leaves the table alone,
    // and the version that is set at the end is older than it.
    const { version, urls } = await snapshot()
    if (!(await writeSets({ commands, keys, token }, tenant, urls))) return false
    return done(await commands.run(END, [names.version, names.rebuild], [token, String(version)]))
  },
})

const done = (reply: unknown): boolean => Number(reply) === 1

const apply = async (
  commands: RoutingCommands,
  keys: RoutingKeys,
  { tenant, eventName, webhookUrl, op, from, to }: RoutingChange,
): Promise<boolean> =>
  done(
    await commands.run(
      APPLY,
      [keys.version(tenant), keys.event(tenant, eventName), keys.rebuild(tenant)],
      [String(from), String(to), op === 'add' ? 'SADD' : 'SREM', webhookUrl],
    ),
  )

type Rebuild = { commands: RoutingCommands; keys: RoutingKeys; token: string }

/** Sets of events that have no webhook any more are left: a stale extra URL creates no delivery. */
const writeSets = async (
  { commands, keys, token }: Rebuild,
  tenant: string,
  urls: RoutingSnapshot['urls'],
): Promise<boolean> => {
  for (const [eventName, members] of urls) {
    for (let at = 0; at < members.length; at += MEMBERS_PER_WRITE) {
      const reply = await commands.run(
        WRITE_SET,
        [keys.rebuild(tenant), keys.event(tenant, eventName)],
        [token, at === 0 ? 'first' : 'more', ...members.slice(at, at + MEMBERS_PER_WRITE)],
      )
      if (!done(reply)) return false
    }
  }
  return true
}
