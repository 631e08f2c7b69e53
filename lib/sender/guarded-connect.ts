// Opens a socket to an address that may be called, and to no other. Every connection of the sender is made here.
//
// undici and Node call a `lookup` function for names only, never for literals, so literals are judged apart. A name is
// resolved once, all its addresses are judged, and the socket goes to the very addresses that were judged.

import { isIP, connect as connectTcp, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { allowedLiteral, isAllowedAddress, type AddressPolicy } from '../domain/address-guard.ts'
import { SendError, type Failure } from './failure.ts'
import type { Resolve } from './resolve.ts'

export type Target = {
  /** Without brackets. */
  hostname: string
  port: number
  secure: boolean
}

/**
 * Returns the socket at once, still connecting. `done` is called at most once, and not at all when the socket is
 * destroyed before. Sets no time limit.
 *
 * @throws SendError when the URL names a forbidden address
 */
export type GuardedConnect = (target: Target, done: (error: Error | null) => void) => Socket

// One dead address of several (often IPv6 without a route) costs this much; the last one has until the deadline.
const NEXT_ADDRESS_MS = 500

/** @param resolve replaceable, so that tests can rebind names */
export const makeGuardedConnect = (policy: AddressPolicy, resolve: Resolve): GuardedConnect => {
  const lookup = makeGuardedLookup(policy, resolve)
  return (target, done) => {
    const { hostname, secure } = target
    if (!allowedLiteral(hostname, policy)) throw new SendError(FORBIDDEN_LITERAL)
    const socket = open(target, lookup)
    let over = false
    const finish = (error: Error | null) => {
      if (over) return
      over = true
      done(error)
    }
    socket.once('connect', () => {
      // After the fact as well: nothing between the judgement and the kernel may have chosen another address.
      const peer = socket.remoteAddress
      if (peer !== undefined && !isAllowedAddress(peer, policy)) socket.destroy(blocked(hostname))
      else if (!secure) finish(null)
    })
    if (secure) socket.once('secureConnect', () => finish(null))
    // Stays for the life of the socket: an error without a listener would end the process.
    socket.on('error', finish)
    return socket
  }
}

const open = (target: Target, lookup: LookupFunction): Socket => {
  const { hostname, port, secure } = target
  const literal = isIP(hostname) !== 0
  const options = {
    host: hostname,
    port,
    lookup,
    noDelay: true,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
  }
  if (!secure) return connectTcp(options)
  return connectTls({
    ...options,
    // The name of the URL, whatever address it has: for SNI and for the certificate. Literals have no SNI (RFC 6066 §3).
    ...(literal ? {} : { servername: hostname.replace(/\.$/, '') }),
    ALPNProtocols: ['http/1.1'],
    // Said aloud, since the environment (NODE_TLS_REJECT_UNAUTHORIZED) could turn it off.
    rejectUnauthorized: true,
  })
}

/** Refuses a name if any of its addresses is forbidden: the others may be a bait. */
const makeGuardedLookup = (policy: AddressPolicy, resolve: Resolve): LookupFunction => {
  const judged = async (hostname: string) => {
    const addresses = await resolve(hostname).catch((cause: unknown) => {
      throw unresolved(cause)
    })
    if (addresses.length === 0) throw unresolved(undefined)
    if (!addresses.every(({ address }) => isAllowedAddress(address, policy))) {
      throw blocked(hostname)
    }
    return addresses
  }
  return (hostname, _options, callback) => {
    judged(hostname).then(
      (addresses) => callback(null, [...addresses]),
      (error: unknown) => callback(error as Error, []),
    )
  }
}

const FORBIDDEN_LITERAL: Failure = {
  code: 'blocked_address',
  detail: 'the URL names an address that must not be called',
  permanent: true,
}

const blocked = (hostname: string): SendError =>
  new SendError({
    code: 'blocked_address',
    detail: `the name ${hostname} resolves to an address that must not be called`,
    permanent: false,
  })

const unresolved = (cause: unknown): SendError => {
  const code =
    cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
      ? cause.code
      : 'no address'
  return new SendError(
    { code: 'dns', detail: `the host name did not resolve (${code})`, permanent: false },
    { cause },
  )
}
