// Hosts as the URL parser spells them (O-URL-1), and the one way in: BROKER_ALLOWED_CIDRS.

import { describe, expect, it, test } from 'vitest'
import {
  allowedLiteral,
  isAllowedAddress,
  parseCidrs,
  type AddressPolicy,
} from '../../lib/domain/address-guard.ts'

const NOTHING: AddressPolicy = { allowedCidrs: [] }

const policy = (text: string): AddressPolicy => {
  const allowedCidrs = parseCidrs(text)
  if (allowedCidrs === undefined) throw new Error(`not a list of ranges: ${text}`)
  return { allowedCidrs }
}

describe('a host of a URL, as the URL parser spells it (O-URL-1)', () => {
  test.each([
    ['http://2130706433/', '127.0.0.1'],
    ['http://0x7f.1/', '127.0.0.1'],
    ['http://0x7f000001/', '127.0.0.1'],
    ['http://0177.0.0.1/', '127.0.0.1'],
    ['http://017700000001/', '127.0.0.1'],
    ['http://127.1/', '127.0.0.1'],
    ['http://127.0.1/', '127.0.0.1'],
    ['http://127.0.0.1./', '127.0.0.1'],
    ['http://①②⑦.0.0.1/', '127.0.0.1'],
    ['http://１２７.0.0.1/', '127.0.0.1'],
    ['http://127。0。0。1/', '127.0.0.1'],
    ['http://%31%32%37.0.0.1/', '127.0.0.1'],
    ['http://0/', '0.0.0.0'],
    ['http://169.254.169.254/', '169.254.169.254'],
    ['http://0xa9fea9fe/', '169.254.169.254'],
    ['http://100.64.0.1/', '100.64.0.1'],
    ['http://[::1]/', '[::1]'],
    ['http://[::]/', '[::]'],
    ['http://[0:0:0:0:0:0:0:1]/', '[::1]'],
    ['http://[::ffff:127.0.0.1]/', '[::ffff:7f00:1]'],
    ['http://[::ffff:a9fe:a9fe]/', '[::ffff:a9fe:a9fe]'],
    ['http://[::127.0.0.1]/', '[::7f00:1]'],
    ['http://[64:ff9b::7f00:1]/', '[64:ff9b::7f00:1]'],
    ['http://[2002:7f00:1::]/', '[2002:7f00:1::]'],
    ['http://[2001:0:7f00:1::]/', '[2001:0:7f00:1::]'],
    ['http://[fd00::1]/', '[fd00::1]'],
    ['http://[fe80::1]/', '[fe80::1]'],
  ])('%s is %s, which is forbidden', (url, hostname) => {
    expect(new URL(url).hostname).toBe(hostname)
    expect(allowedLiteral(hostname, NOTHING)).toBe(false)
  })

  test.each(['8.8.8.8', '[2606:4700:4700::1111]', '[::ffff:808:808]', '8.8.8.8.'])(
    'the public literal %s may be registered',
    (hostname) => {
      expect(allowedLiteral(hostname, NOTHING)).toBe(true)
    },
  )

  test.each([
    'localhost',
    'example.com',
    'example.com.',
    'metadata.google.internal',
    'a.1b',
    'xn--bcher-kva.example',
  ])('the name %s is not judged before it is resolved', (hostname) => {
    expect(allowedLiteral(hostname, NOTHING)).toBe(true)
  })

  test.each([
    '127.0.0.1.',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '127.1',
    '::1',
    '[::1',
    '[nonsense]',
    'fe80::1%eth0',
  ])('the text %s is refused even if it never saw the URL parser', (hostname) => {
    expect(allowedLiteral(hostname, NOTHING)).toBe(false)
  })
})

describe('BROKER_ALLOWED_CIDRS', () => {
  it('admits an allowed address in every spelling, and its neighbours in none', () => {
    const allowed = policy('127.0.0.1/32')
    expect(isAllowedAddress('127.0.0.1', allowed)).toBe(true)
    expect(isAllowedAddress('::ffff:127.0.0.1', allowed)).toBe(true)
    expect(isAllowedAddress('::ffff:7f00:1', allowed)).toBe(true)
    expect(allowedLiteral('[::ffff:7f00:1]', allowed)).toBe(true)
    expect(isAllowedAddress('127.0.0.2', allowed)).toBe(false)
    expect(isAllowedAddress('::ffff:127.0.0.2', allowed)).toBe(false)
    expect(isAllowedAddress('::1', allowed)).toBe(false)
    // Not the same address: this one is in the deprecated IPv4-compatible range.
    expect(isAllowedAddress('::127.0.0.1', allowed)).toBe(false)
    expect(isAllowedAddress('64:ff9b::127.0.0.1', allowed)).toBe(false)
    expect(isAllowedAddress('2002:7f00:1::', allowed)).toBe(false)
  })

  it('takes several ranges of both families, blanks around them, and bare addresses', () => {
    const allowed = policy(' 10.0.0.0/8 , fd00::/8,::1/128, 192.168.1.7 ')
    expect(isAllowedAddress('10.255.255.255', allowed)).toBe(true)
    expect(isAllowedAddress('11.0.0.0', allowed)).toBe(true) // public anyway
    expect(isAllowedAddress('fd12:3456::1', allowed)).toBe(true)
    expect(isAllowedAddress('fc00::1', allowed)).toBe(false)
    expect(isAllowedAddress('::1', allowed)).toBe(true)
    expect(isAllowedAddress('::', allowed)).toBe(false)
    expect(isAllowedAddress('192.168.1.7', allowed)).toBe(true)
    expect(isAllowedAddress('192.168.1.8', allowed)).toBe(false)
    expect(isAllowedAddress('172.16.0.1', allowed)).toBe(false)
  })

  it('reads a range of mapped addresses as the IPv4 range that it stands for', () => {
    const allowed = policy('::ffff:10.1.0.0/112')
    expect(isAllowedAddress('10.1.255.255', allowed)).toBe(true)
    expect(isAllowedAddress('10.2.0.0', allowed)).toBe(false)
  })

  it('does not admit IPv4 through a range of all IPv6', () => {
    const allowed = policy('::/0')
    expect(isAllowedAddress('fe80::1', allowed)).toBe(true)
    expect(isAllowedAddress('::ffff:127.0.0.1', allowed)).toBe(false)
  })

  it('is empty when blank', () => {
    expect(parseCidrs('')).toEqual([])
    expect(parseCidrs('  ')).toEqual([])
  })

  test.each([
    'localhost',
    '127.0.0.1/33',
    '::1/129',
    '127.0.0.1/',
    '127.0.0.1/x',
    '127.0.0.1/-1',
    '127.0.0.1/8/8',
    '127.1/8',
    '010.0.0.0/8',
    '::ffff:010.0.0.0/104',
    '0x7f000001/8',
    'fe80::1%eth0/64',
    '10.0.0.0/8,',
    '10.0.0.0/8,,::1/128',
    '10.0.0.0/8 ::1/128',
    '/8',
  ])('"%s" is not a list of ranges', (text) => {
    expect(parseCidrs(text)).toBeUndefined()
  })
})
