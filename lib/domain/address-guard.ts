// Which addresses the broker may call. Addresses are judged as numbers against ranges, never as text (O-URL-1).
// Names are not judged here: they are resolved, and every address they resolve to is judged, at each connection.

import ipaddr from 'ipaddr.js'

/** A range of addresses: the first one and how many leading bits count. */
export type Cidr = readonly [address: ipaddr.IPv4 | ipaddr.IPv6, prefixBits: number]

/** `allowedCidrs` is BROKER_ALLOWED_CIDRS: the only way to an address that is not globally routable. */
export type AddressPolicy = { allowedCidrs: readonly Cidr[] }

type ForbiddenRange = { cidr: string; what: string }

/**
 * The IANA special-purpose registries for IPv4 and IPv6 (RFC 6890 and its updates) and the multicast, reserved and
 * deprecated blocks. Each row names its source. Ranges that hold a few globally reachable islands (192.0.0.0/24,
 * 2001::/23) are forbidden as a whole: no webhook lives there.
 */
export const FORBIDDEN_RANGES: readonly ForbiddenRange[] = [
  { cidr: '0.0.0.0/8', what: 'this network, RFC 791 §3.2' },
  { cidr: '10.0.0.0/8', what: 'private, RFC 1918' },
  { cidr: '100.64.0.0/10', what: 'shared by carriers, RFC 6598; holds 100.100.100.200 (metadata)' },
  { cidr: '127.0.0.0/8', what: 'loopback, RFC 1122 §3.2.1.3' },
  {
    cidr: '169.254.0.0/16',
    what: 'link-local, RFC 3927; holds 169.254.169.254, .170.2 (metadata)',
  },
  { cidr: '172.16.0.0/12', what: 'private, RFC 1918' },
  { cidr: '192.0.0.0/24', what: 'IETF protocol assignments, RFC 6890 §2.1' },
  { cidr: '192.0.2.0/24', what: 'documentation, RFC 5737' },
  { cidr: '192.88.99.0/24', what: 'deprecated 6to4 relays, RFC 7526' },
  { cidr: '192.168.0.0/16', what: 'private, RFC 1918' },
  { cidr: '198.18.0.0/15', what: 'benchmarks, RFC 2544' },
  { cidr: '198.51.100.0/24', what: 'documentation, RFC 5737' },
  { cidr: '203.0.113.0/24', what: 'documentation, RFC 5737' },
  { cidr: '224.0.0.0/4', what: 'multicast, RFC 5771' },
  { cidr: '240.0.0.0/4', what: 'reserved, RFC 1112 §4; holds the broadcast address, RFC 919' },
  {
    cidr: '::/96',
    what: 'unspecified, loopback (RFC 4291 §2.5) and the deprecated IPv4-compatible',
  },
  { cidr: '64:ff9b::/96', what: 'NAT64: an IPv4 address in disguise, RFC 6052' },
  { cidr: '64:ff9b:1::/48', what: 'NAT64 for local use, RFC 8215' },
  { cidr: '100::/64', what: 'discard only, RFC 6666' },
  { cidr: '2001::/23', what: 'IETF protocol assignments, RFC 2928; holds Teredo, RFC 4380' },
  { cidr: '2001:db8::/32', what: 'documentation, RFC 3849' },
  { cidr: '2002::/16', what: '6to4: an IPv4 address in disguise, RFC 3056' },
  { cidr: '3fff::/20', what: 'documentation, RFC 9637' },
  { cidr: '5f00::/16', what: 'segment routing SIDs, RFC 9602' },
  { cidr: 'fc00::/7', what: 'unique local, RFC 4193; holds fd00:ec2::254 (metadata)' },
  { cidr: 'fe80::/10', what: 'link-local, RFC 4291 §2.5.6' },
  { cidr: 'fec0::/10', what: 'deprecated site-local, RFC 3879' },
  { cidr: 'ff00::/8', what: 'multicast, RFC 4291 §2.7' },
]

const forbidden: readonly Cidr[] = FORBIDDEN_RANGES.map(({ cidr }) => ipaddr.parseCIDR(cidr))

// RFC 4291 §2.4 and the IANA IPv6 address space registry: the only block from which global unicast is allocated. What
// lies outside is forbidden even where no row above names it.
const GLOBAL_UNICAST: Cidr = ipaddr.parseCIDR('2000::/3')

/**
 * Whether the broker may connect to an address.
 *
 * @param address as `dns.lookup` or a socket gives it: four decimal parts, or IPv6 (an IPv4-mapped one is judged as the
 *   IPv4 address that it reaches). Anything else, also an address with a zone, is forbidden.
 */
export const isAllowedAddress = (address: string, policy: AddressPolicy): boolean => {
  const parsed = parseAddress(address)
  return parsed !== undefined && isAllowed(parsed, policy)
}

/**
 * Whether a host may be registered and called as far as its text says.
 *
 * @param hostname as in `URL.hostname`, which has turned every spelling of an address into the usual one
 * @returns true for names: those are judged when they are resolved
 */
export const allowedLiteral = (hostname: string, policy: AddressPolicy): boolean => {
  const host = hostname.replace(/\.$/, '')
  if (host.startsWith('[') || host.includes(':')) {
    return isAllowedAddress(host.replace(/^\[|\]$/g, ''), policy)
  }
  // Octal, hexadecimal and short forms do not get past the URL parser; whoever calls without it is not let through.
  if (!ipaddr.IPv4.isValid(host)) return true
  return isAllowed(ipaddr.IPv4.parse(host), policy)
}

/**
 * Reads BROKER_ALLOWED_CIDRS: comma separated ranges; a bare address is a range of one.
 *
 * @returns undefined when an entry is not a range; an empty list for a blank text
 */
export const parseCidrs = (text: string): readonly Cidr[] | undefined => {
  if (text.trim() === '') return []
  const cidrs: Cidr[] = []
  for (const entry of text.split(',')) {
    const cidr = parseCidr(entry.trim())
    if (cidr === undefined) return undefined
    cidrs.push(cidr)
  }
  return cidrs
}

const MAPPED_BITS = 96

const parseCidr = (entry: string): Cidr | undefined => {
  const [address = '', bits, ...rest] = entry.split('/')
  const parsed = parseStrictly(address)
  if (parsed === undefined || rest.length > 0) return undefined
  const width = parsed.kind() === 'ipv4' ? 32 : 128
  if (bits !== undefined && !/^\d{1,3}$/.test(bits)) return undefined
  const prefixBits = bits === undefined ? width : Number(bits)
  if (prefixBits > width) return undefined
  // Addresses are judged unwrapped, so a range of mapped addresses must be unwrapped, too, or it would never match.
  return parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() && prefixBits >= MAPPED_BITS
    ? [parsed.toIPv4Address(), prefixBits - MAPPED_BITS]
    : [parsed, prefixBits]
}

const COMPATIBLE = /^::(?=[\d.]+$)/

/** Only the spellings that nobody reads in two ways: `010.0.0.1` is 8.0.0.1 to some and 10.0.0.1 to others. */
const parseStrictly = (text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined => {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  // A zone (`fe80::1%eth0`) names an interface of this machine.
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined
  const tail = text.slice(text.lastIndexOf(':') + 1)
  if (tail.includes('.') && !ipaddr.IPv4.isValidFourPartDecimal(tail)) return undefined
  // ipaddr.js reads `::127.0.0.1` as `::ffff:127.0.0.1`, which is another number; with a written zero it does not.
  return ipaddr.IPv6.parse(text.replace(COMPATIBLE, '0::'))
}

const parseAddress = (text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined => {
  const parsed = parseStrictly(text)
  return parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress()
    ? parsed.toIPv4Address()
    : parsed
}

const isAllowed = (address: ipaddr.IPv4 | ipaddr.IPv6, policy: AddressPolicy): boolean => {
  if (policy.allowedCidrs.some((cidr) => contains(cidr, address))) return true
  if (forbidden.some((cidr) => contains(cidr, address))) return false
  return address.kind() === 'ipv4' || contains(GLOBAL_UNICAST, address)
}

const contains = (cidr: Cidr, address: ipaddr.IPv4 | ipaddr.IPv6): boolean =>
  cidr[0].kind() === address.kind() && address.match(cidr[0], cidr[1])
