// No byte reaches a forbidden address, whatever a URL or a name server says (O-URL-1, O-URL-3).
// `allowed` listens on 127.0.0.1, `forbidden` on 127.0.0.2, on one port, so that one URL leads to either.

import type { LookupAddress } from 'node:dns'
import { isIP } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { gist, requestTo, startSender } from '../support/sender-kit.ts'

let allowed: Receiver
let forbidden: Receiver

beforeEach(async () => {
  allowed = await startReceiver()
  forbidden = await startReceiver({ host: '127.0.0.2', port: allowed.port })
})

afterEach(async () => {
  await allowed.close()
  await forbidden.close()
})

const addresses = (...list: string[]): LookupAddress[] =>
  list.map((address) => ({ address, family: isIP(address) }))

/** That the forbidden receiver counts at all: one connection by a sender that may call it, and no other. */
const expectNothingButControl = async () => {
  const careless = startSender({ allowed: '127.0.0.2/32' })
  expect(gist(await careless.send(requestTo(`${forbidden.url}/control`)))).toBe(200)
  careless.close()
  expect(forbidden.received.map(({ url }) => url)).toEqual(['/control'])
  expect(forbidden.connections).toBe(1)
}

describe('a name (O-URL-3)', () => {
  it('that is repointed to a forbidden address is blocked from then on', async () => {
    let answer = addresses('127.0.0.1')
    const sender = startSender({ resolve: () => Promise.resolve(answer) })
    const url = `http://rebind.test:${allowed.port}/`
    expect(gist(await sender.send(requestTo(url)))).toBe(200)
    expect(allowed.received[0]?.headers.host).toBe(`rebind.test:${allowed.port}`)
    sender.close()

    const later = startSender({ resolve: () => Promise.resolve(answer) })
    answer = addresses('127.0.0.2')
    expect(await later.send(requestTo(url))).toEqual({
      kind: 'failed',
      code: 'blocked_address',
      detail: 'the name rebind.test resolves to an address that must not be called',
      permanent: false,
      staleConnection: false,
    })
    answer = addresses('127.0.0.1')
    expect(gist(await later.send(requestTo(url)))).toBe(200)
    later.close()
    await expectNothingButControl()
  })

  it('that is repointed while a connection is open leads to the vetted address until the connection ends', async () => {
    let answer = addresses('127.0.0.1')
    let nowMs = 0
    const sender = startSender({ resolve: () => Promise.resolve(answer), elapsedMs: () => nowMs })
    const url = `http://rebind.test:${allowed.port}/`
    expect(gist(await sender.send(requestTo(url)))).toBe(200)
    answer = addresses('127.0.0.2')
    nowMs = 59_999
    expect(gist(await sender.send(requestTo(url)))).toBe(200)
    expect(allowed.received.map(({ connection }) => connection)).toEqual([1, 1])
    nowMs = 60_000
    expect(gist(await sender.send(requestTo(url)))).toBe('blocked_address')
    sender.close()
    await expectNothingButControl()
  })

  test.each([
    ['the forbidden one last', ['127.0.0.1', '127.0.0.2']],
    ['the forbidden one first', ['127.0.0.2', '127.0.0.1']],
    ['a mapped one', ['127.0.0.1', '::ffff:127.0.0.2']],
    ['a metadata service', ['127.0.0.1', '169.254.169.254']],
    ['nonsense', ['127.0.0.1', 'not an address']],
  ])('with an allowed and a forbidden address at once (%s) is blocked', async (_name, list) => {
    const sender = startSender({ resolve: () => Promise.resolve(addresses(...list)) })
    const outcome = await sender.send(requestTo(`http://both.test:${allowed.port}/`))
    expect(outcome).toMatchObject({ code: 'blocked_address', permanent: false })
    // The detail is shown to tenants: it tells the name, and not what it resolves to.
    expect(JSON.stringify(outcome)).not.toMatch(/127\.0|169\.254/)
    expect(allowed.connections).toBe(0)
    sender.close()
    await expectNothingButControl()
  })

  it('whose answers alternate reaches the allowed address or nobody, in 50 attempts', async () => {
    let queries = 0
    const sender = startSender({
      // Every answer of the receiver ends the connection, so that every attempt asks anew.
      resolve: () => {
        queries += 1
        return Promise.resolve(addresses(queries % 2 === 1 ? '127.0.0.1' : '127.0.0.2'))
      },
    })
    allowed.answer = (_request, response) => {
      response.writeHead(200, { connection: 'close' }).end()
    }
    const gists: (number | string)[] = []
    for (let n = 0; n < 50; n += 1) {
      gists.push(gist(await sender.send(requestTo(`http://alternate.test:${allowed.port}/`))))
    }
    expect(queries).toBe(50)
    expect(gists.filter((text) => text === 200)).toHaveLength(25)
    expect(gists.filter((text) => text === 'blocked_address')).toHaveLength(25)
    expect(allowed.received).toHaveLength(25)
    sender.close()
    await expectNothingButControl()
  })

  it('with two good addresses of which the first is dead is reached at the second', async () => {
    const sender = startSender({
      allowed: '127.0.0.0/24',
      resolve: () => Promise.resolve(addresses('127.0.0.9', '127.0.0.1')),
    })
    expect(gist(await sender.send(requestTo(`http://two.test:${allowed.port}/`)))).toBe(200)
    sender.close()
  })

  it('of the hosts file is resolved like everywhere else, and judged', async () => {
    const sender = startSender({ allowed: '127.0.0.1/32,::1/128' })
    expect(gist(await sender.send(requestTo(`http://localhost:${allowed.port}/`)))).toBe(200)
    sender.close()
    const strict = startSender({ allowed: '10.0.0.0/8' })
    expect(await strict.send(requestTo(`http://localhost:${allowed.port}/`))).toMatchObject({
      code: 'blocked_address',
      detail: 'the name localhost resolves to an address that must not be called',
      permanent: false,
    })
    expect(allowed.received).toHaveLength(1)
    strict.close()
  })

  it('that resolves to nothing, or not at all, is a dns failure without the words of the resolver', async () => {
    const nobody = startSender({ resolve: () => Promise.resolve([]) })
    expect(await nobody.send(requestTo('http://empty.test/'))).toMatchObject({
      code: 'dns',
      detail: 'the host name did not resolve (no address)',
    })
    const broken = startSender({
      resolve: () =>
        Promise.reject(Object.assign(new Error('10.0.0.53 timed out'), { code: 'ETIMEOUT' })),
    })
    expect(await broken.send(requestTo('http://broken.test/'))).toMatchObject({
      code: 'dns',
      detail: 'the host name did not resolve (ETIMEOUT)',
    })
  })
})

describe('a literal (O-URL-1)', () => {
  const forms = [
    '127.0.0.2',
    '2130706434',
    '0x7f.2',
    '0177.0.0.2',
    '127.2',
    '[::ffff:127.0.0.2]',
    '①②⑦.0.0.2',
    '127.0.0.2.',
  ]
  test.each(forms)('http://%s is blocked for good', async (host) => {
    const sender = startSender()
    const outcome = await sender.send(requestTo(`http://${host}:${allowed.port}/`))
    expect(outcome).toEqual({
      kind: 'failed',
      code: 'blocked_address',
      detail: 'the URL names an address that must not be called',
      permanent: true,
      staleConnection: false,
    })
    sender.close()
    await expectNothingButControl()
  })

  it('that is allowed is called in every spelling, also mapped', async () => {
    const sender = startSender()
    for (const host of ['2130706433', '0x7f.1', '[::ffff:127.0.0.1]']) {
      expect(gist(await sender.send(requestTo(`http://${host}:${allowed.port}/`)))).toBe(200)
    }
    sender.close()
    expect(allowed.received).toHaveLength(3)
  })
})

it('an address that the kernel chose otherwise is refused before a byte is written', async () => {
  // 0.0.0.0 connects to the loopback interface: the one address whose socket has another one than was judged.
  const sender = startSender({ allowed: '0.0.0.0/32' })
  expect(await sender.send(requestTo(`http://0.0.0.0:${allowed.port}/`))).toMatchObject({
    code: 'blocked_address',
    permanent: false,
  })
  expect(allowed.received).toHaveLength(0)
  const control = startSender({ allowed: '0.0.0.0/32,127.0.0.1/32' })
  expect(gist(await control.send(requestTo(`http://0.0.0.0:${allowed.port}/`)))).toBe(200)
  expect(allowed.received).toHaveLength(1)
  sender.close()
  control.close()
})
