// Every range that must not be called: its first and last address, one inside, and the neighbours on both sides.

import { describe, expect, it, test } from 'vitest'
import {
  FORBIDDEN_RANGES,
  isAllowedAddress,
  type AddressPolicy,
} from '../../lib/domain/address-guard.ts'

const NOTHING: AddressPolicy = { allowedCidrs: [] }

type Row = {
  cidr: string
  forbidden: [first: string, inside: string, last: string]
  /** Neighbours that may be called; none where the neighbour belongs to another forbidden range. */
  before?: string
  after?: string
}

const ROWS: Row[] = [
  { cidr: '0.0.0.0/8', forbidden: ['0.0.0.0', '0.1.2.3', '0.255.255.255'], after: '1.0.0.0' },
  {
    cidr: '10.0.0.0/8',
    forbidden: ['10.0.0.0', '10.20.30.40', '10.255.255.255'],
    before: '9.255.255.255',
    after: '11.0.0.0',
  },
  {
    cidr: '100.64.0.0/10',
    forbidden: ['100.64.0.0', '100.100.100.200', '100.127.255.255'],
    before: '100.63.255.255',
    after: '100.128.0.0',
  },
  {
    cidr: '127.0.0.0/8',
    forbidden: ['127.0.0.0', '127.0.0.1', '127.255.255.255'],
    before: '126.255.255.255',
    after: '128.0.0.0',
  },
  {
    cidr: '169.254.0.0/16',
    forbidden: ['169.254.0.0', '169.254.169.254', '169.254.255.255'],
    before: '169.253.255.255',
    after: '169.255.0.0',
  },
  {
    cidr: '172.16.0.0/12',
    forbidden: ['172.16.0.0', '172.20.1.1', '172.31.255.255'],
    before: '172.15.255.255',
    after: '172.32.0.0',
  },
  {
    cidr: '192.0.0.0/24',
    forbidden: ['192.0.0.0', '192.0.0.9', '192.0.0.255'],
    before: '191.255.255.255',
    after: '192.0.1.0',
  },
  {
    cidr: '192.0.2.0/24',
    forbidden: ['192.0.2.0', '192.0.2.77', '192.0.2.255'],
    before: '192.0.1.255',
    after: '192.0.3.0',
  },
  {
    cidr: '192.88.99.0/24',
    forbidden: ['192.88.99.0', '192.88.99.1', '192.88.99.255'],
    before: '192.88.98.255',
    after: '192.88.100.0',
  },
  {
    cidr: '192.168.0.0/16',
    forbidden: ['192.168.0.0', '192.168.1.1', '192.168.255.255'],
    before: '192.167.255.255',
    after: '192.169.0.0',
  },
  {
    cidr: '198.18.0.0/15',
    forbidden: ['198.18.0.0', '198.19.0.0', '198.19.255.255'],
    before: '198.17.255.255',
    after: '198.20.0.0',
  },
  {
    cidr: '198.51.100.0/24',
    forbidden: ['198.51.100.0', '198.51.100.9', '198.51.100.255'],
    before: '198.51.99.255',
    after: '198.51.101.0',
  },
  {
    cidr: '203.0.113.0/24',
    forbidden: ['203.0.113.0', '203.0.113.9', '203.0.113.255'],
    before: '203.0.112.255',
    after: '203.0.114.0',
  },
  {
    cidr: '224.0.0.0/4',
    forbidden: ['224.0.0.0', '233.252.0.1', '239.255.255.255'],
    before: '223.255.255.255',
  },
  { cidr: '240.0.0.0/4', forbidden: ['240.0.0.0', '250.1.1.1', '255.255.255.255'] },
  { cidr: '::/96', forbidden: ['::', '::127.0.0.1', '::255.255.255.255'] },
  {
    cidr: '64:ff9b::/96',
    forbidden: ['64:ff9b::', '64:ff9b::8.8.8.8', '64:ff9b::255.255.255.255'],
  },
  {
    cidr: '64:ff9b:1::/48',
    forbidden: ['64:ff9b:1::', '64:ff9b:1::a00:1', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff'],
  },
  { cidr: '100::/64', forbidden: ['100::', '100::1', '100::ffff:ffff:ffff:ffff'] },
  {
    cidr: '2001::/23',
    forbidden: [
      '2001::',
      '2001:0:4136:e378:8000:63bf:3fff:fdd2',
      '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff',
    ],
    before: '2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    after: '2001:200::',
  },
  {
    cidr: '2001:db8::/32',
    forbidden: ['2001:db8::', '2001:db8:1::1', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
    before: '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff',
    after: '2001:db9::',
  },
  {
    cidr: '2002::/16',
    forbidden: ['2002::', '2002:808:808::1', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    before: '2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    after: '2003::',
  },
  {
    cidr: '3fff::/20',
    forbidden: ['3fff::', '3fff:123::1', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff'],
    before: '3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    after: '3fff:1000::',
  },
  {
    cidr: '5f00::/16',
    forbidden: ['5f00::', '5f00::1', '5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  },
  {
    cidr: 'fc00::/7',
    forbidden: ['fc00::', 'fd00:ec2::254', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  },
  {
    cidr: 'fe80::/10',
    forbidden: ['fe80::', 'fe80::1', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  },
  {
    cidr: 'fec0::/10',
    forbidden: ['fec0::', 'fec0::1', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  },
  {
    cidr: 'ff00::/8',
    forbidden: ['ff00::', 'ff02::1', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  },
]

test('every forbidden range of the code has its row here', () => {
  expect(FORBIDDEN_RANGES.map(({ cidr }) => cidr)).toEqual(ROWS.map(({ cidr }) => cidr))
})

describe.each(ROWS)('$cidr', ({ forbidden, before, after }) => {
  it.each(forbidden)('forbids %s', (address) => {
    expect(isAllowedAddress(address, NOTHING)).toBe(false)
  })
  it.each([before, after].filter((address) => address !== undefined))(
    'lets %s through',
    (address) => {
      expect(isAllowedAddress(address, NOTHING)).toBe(true)
    },
  )
  it.each(forbidden.filter((address) => !address.includes(':')))(
    'forbids %s also when it is mapped into IPv6',
    (address) => {
      expect(isAllowedAddress(`::ffff:${address}`, NOTHING)).toBe(false)
    },
  )
})

test.each([
  '8.8.8.8',
  '1.1.1.1',
  '93.184.215.14',
  '2606:4700:4700::1111',
  '2a00:1450:4001:80b::200e',
  '2000::',
  '3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  '::ffff:8.8.8.8',
  '::ffff:808:808',
])('the public address %s is let through', (address) => {
  expect(isAllowedAddress(address, NOTHING)).toBe(true)
})

test.each([
  // Just outside 2000::/3, which holds all global unicast.
  '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  '4000::',
  // Neighbours of the ranges above that no row names.
  '::1:0:0',
  '64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff',
  '64:ff9b::1:0:0',
  '64:ff9b:2::',
  '100:0:0:1::',
  '5eff::1',
  '5f01::',
  'fbff::1',
  'fe00::',
  // IPv4-translated (RFC 2765) and an IPv4-compatible public address: nobody routes them.
  '::ffff:0:8.8.8.8',
  '::8.8.8.8',
  '::ffff:7f00:1',
  '::ffff:a9fe:a9fe',
  '0:0:0:0:0:ffff:127.0.0.1',
])('the address %s is forbidden because it is not globally routable', (address) => {
  expect(isAllowedAddress(address, NOTHING)).toBe(false)
})

test.each([
  '',
  'localhost',
  '127.1',
  '2130706433',
  '010.8.8.8',
  '::ffff:010.8.8.8',
  '::ffff:0x8.8.8.8',
  '0x08.8.8.8',
  '8.8.8',
  '8.8.8.8.8',
  '8.8.8.256',
  '2606:4700::1%eth0',
  '[2606:4700::1]',
  ' 8.8.8.8',
])('the text "%s" is no address that a resolver gives, and is forbidden', (text) => {
  expect(isAllowedAddress(text, NOTHING)).toBe(false)
})
