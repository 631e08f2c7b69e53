// Names to addresses, the way every other program of the machine does it (hosts file included). Judges nothing.

import { promises as dns, type LookupAddress } from 'node:dns'

/** All addresses of a host name, in the order in which they should be tried. Rejects when there is none. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>

/**
 * `dns.lookup` with all addresses. Lookups of one name that overlap share one question: Node has four threads for this
 * work, and a hundred attempts for one name that never answers would leave none for the healthy ones. Nothing is kept.
 */
export const makeSystemResolve = (): Resolve => {
  const underWay = new Map<string, Promise<readonly LookupAddress[]>>()
  return (hostname) => {
    const known = underWay.get(hostname)
    if (known !== undefined) return known
    const asked = dns.lookup(hostname, { all: true }).finally(() => underWay.delete(hostname))
    underWay.set(hostname, asked)
    return asked
  }
}
