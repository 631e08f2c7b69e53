// Real certificates, good and bad; and what the environment may not change about sending.

import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import type { TLSSocket } from 'node:tls'
import type { WebhookSender } from '../../lib/sender/webhook-sender.ts'
import {
  makeAuthority,
  makeSelfSigned,
  type Authority,
  type KeyPair,
} from '../support/certificates.ts'
import { startRawReceiver } from '../support/raw-receiver.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { sendInChild } from '../support/send-in-child.ts'
import { gist, requestTo, startSender } from '../support/sender-kit.ts'

const NAMES = 'DNS:localhost,IP:127.0.0.1'

let authority: Authority
let sender: WebhookSender

beforeAll(async () => {
  authority = await makeAuthority()
  sender = startSender()
})

afterAll(async () => {
  sender.close()
  await authority.remove()
})

const serve = async (tls: KeyPair) => {
  const receiver = await startReceiver({ tls })
  return { receiver, byName: receiver.url.replace('127.0.0.1', 'localhost') }
}

const closeAll = (receivers: readonly Receiver[]) =>
  Promise.all(receivers.map((receiver) => receiver.close()))

describe('over TLS', () => {
  it('a good certificate of a private authority is trusted by NODE_EXTRA_CA_CERTS, and only bad ones fail', async () => {
    const good = await serve(await authority.issue(NAMES))
    const expired = await serve(await authority.issue(NAMES, -1))
    const wrongName = await serve(await authority.issue('DNS:elsewhere.example'))
    const selfSigned = await serve(await makeSelfSigned(NAMES))
    const servernames: unknown[] = []
    good.receiver.answer = (_request, response) => {
      servernames.push((response.socket as TLSSocket & { servername: unknown }).servername)
      response.end()
    }
    const outcomes = await sendInChild(
      {
        urls: [
          `${good.byName}/name`,
          `${good.receiver.url}/address`,
          `${good.byName}/again`,
          expired.byName,
          wrongName.byName,
          wrongName.receiver.url,
          selfSigned.byName,
        ],
      },
      // The last one would switch verification off if the sender let it.
      {
        NODE_EXTRA_CA_CERTS: authority.certPath,
        NODE_TLS_REJECT_UNAUTHORIZED: '0',
        NODE_NO_WARNINGS: '1',
      },
    )
    expect(outcomes.map(gist)).toEqual([200, 200, 200, 'tls', 'tls', 'tls', 'tls'])
    expect(outcomes.slice(3).map((outcome) => outcome.kind === 'failed' && outcome.detail)).toEqual(
      [
        'TLS failed (CERT_HAS_EXPIRED)',
        'TLS failed (ERR_TLS_CERT_ALTNAME_INVALID)',
        'TLS failed (ERR_TLS_CERT_ALTNAME_INVALID)',
        'TLS failed (DEPTH_ZERO_SELF_SIGNED_CERT)',
      ],
    )
    // The name for SNI, none for an address (RFC 6066 §3), and one connection for both attempts by name.
    expect(servernames).toEqual(['localhost', false, 'localhost'])
    expect(good.receiver.received.map(({ connection }) => connection)).toEqual([1, 2, 1])
    expect(good.receiver.received[0]?.headers.host).toBe(`localhost:${good.receiver.port}`)
    for (const { receiver } of [expired, wrongName, selfSigned]) {
      expect(receiver.received).toHaveLength(0)
      expect(receiver.connections).toBeGreaterThan(0)
    }
    await closeAll([good, expired, wrongName, selfSigned].map(({ receiver }) => receiver))
  })

  it('an unknown authority is a tls failure', async () => {
    const unknown = await serve(await authority.issue(NAMES))
    expect(await sender.send(requestTo(unknown.byName))).toEqual({
      kind: 'failed',
      code: 'tls',
      detail: 'TLS failed (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
      permanent: false,
      staleConnection: false,
    })
    await closeAll([unknown.receiver])
  })

  it('a server that speaks plain HTTP is a tls failure', async () => {
    const plain = await startReceiver()
    const outcome = await sender.send(requestTo(plain.url.replace('http:', 'https:')))
    expect(gist(outcome)).toBe('tls')
    expect(plain.received).toHaveLength(0)
    await plain.close()
  })

  test.each([
    ['hangs up', 'reset'],
    ['says nothing', 'timeout'],
  ])('a server that %s in the handshake is a %s', async (habit, code) => {
    const raw = await startRawReceiver(
      () => undefined,
      (socket) => {
        if (habit === 'hangs up') socket.once('data', () => socket.end())
      },
    )
    const url = raw.url.replace('http:', 'https:')
    const startedMs = performance.now()
    const outcome = await sender.send(requestTo(url, { timeoutMs: 500 }))
    expect(outcome).toMatchObject({ code, staleConnection: false })
    expect(performance.now() - startedMs).toBeLessThan(600)
    await raw.close()
  })
})

it('the proxy variables of the environment are ignored', async () => {
  const receiver = await startReceiver()
  const proxy = await startRawReceiver((socket) =>
    socket.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n'),
  )
  const variables = [
    'HTTP_PROXY',
    'http_proxy',
    'HTTPS_PROXY',
    'https_proxy',
    'ALL_PROXY',
    'all_proxy',
  ]
  const env = {
    ...Object.fromEntries(variables.map((name) => [name, proxy.url])),
    NO_PROXY: '',
    no_proxy: '',
    NODE_USE_ENV_PROXY: '1',
  }
  // The control message goes through a client that obeys them; it asks the proxy to connect.
  const outcomes = await sendInChild(
    { urls: [receiver.url], control: `${receiver.url}/control` },
    env,
  )
  expect(outcomes.map(gist)).toEqual([200])
  expect(receiver.received.map(({ url }) => url)).toEqual(['/'])
  expect(proxy.requests).toHaveLength(1)
  expect(proxy.requests[0]).toContain(`CONNECT 127.0.0.1:${receiver.port} HTTP/1.1`)
  await receiver.close()
  await proxy.close()
})
