// The routing table in memory, for tests of use cases. The contract suite holds it to what the real ones do.

import type { RoutingTable } from '../../../lib/broker/ports.ts'

export type FakeRoutingTable = RoutingTable & {
  /** All is lost, as after FLUSHALL. */
  clear(): void
}

type Tenant = {
  version: number | undefined
  rebuild: symbol | undefined
  sets: Map<string, Set<string>>
}

export const makeFakeRoutingTable = (): FakeRoutingTable => {
  let tenants = new Map<string, Tenant>()
  const of = (name: string): Tenant => {
    const known = tenants.get(name)
    if (known !== undefined) return known
    const made: Tenant = { version: undefined, rebuild: undefined, sets: new Map() }
    tenants.set(name, made)
    return made
  }
  return {
    lookup: (name, eventName) => {
      const { version, sets } = of(name)
      return Promise.resolve(
        version === undefined ? undefined : { version, urls: [...(sets.get(eventName) ?? [])] },
      )
    },
    apply: ({ tenant: name, eventName, webhookUrl, op, from, to }) => {
      const tenant = of(name)
      const isFirst = tenant.version === undefined && tenant.rebuild === undefined && from === 0
      if (tenant.version !== from && !isFirst) return Promise.resolve(false)
      const set = tenant.sets.get(eventName) ?? new Set<string>()
      if (op === 'add') set.add(webhookUrl)
      else set.delete(webhookUrl)
      tenant.sets.set(eventName, set)
      tenant.version = to
      return Promise.resolve(true)
    },
    versions: (names) => Promise.resolve(names.map((name) => of(name).version)),
    rebuild: async (snapshot, name) => {
      const token = Symbol(name)
      of(name).version = undefined
      of(name).rebuild = token
      const { version, urls } = await snapshot()
      const tenant = of(name)
      if (tenant.rebuild !== token) return false
      for (const [eventName, set] of urls) tenant.sets.set(eventName, new Set(set))
      tenant.version = version
      tenant.rebuild = undefined
      return true
    },
    clear: () => {
      tenants = new Map()
    },
  }
}
