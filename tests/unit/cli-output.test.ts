// How the command line shows things, where a test has no terminal to look at.

import { Writable } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { clean, makeOutput, pairs, table } from '../../cli/output.ts'
import { progressBar } from '../../cli/present.ts'
import { parseClientConfig, wantsColour } from '../../lib/config-client.ts'

const sink = () => {
  const written: string[] = []
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk.toString())
      done()
    },
  })
  return { stream, text: () => written.join('') }
}

const outputTo = (options: { json?: boolean; colours?: boolean; isWatched?: boolean }) => {
  const [out, err] = [sink(), sink()]
  const output = makeOutput(
    { out: out.stream, err: err.stream },
    { json: false, colours: false, isWatched: false, ...options },
  )
  return { output, out, err }
}

describe('a bar', () => {
  const bar = (replayed: number, skipped: number, total = 1_000) =>
    progressBar({ total, replayed, skipped })

  it('grows with what is done, skipped or not', () => {
    expect(bar(0, 0)).toBe('[------------------------------]   0%  0 of 1000 replayed, 0 skipped')
    expect(bar(480, 20)).toBe(
      '[###############---------------]  50%  480 of 1000 replayed, 20 skipped',
    )
    expect(bar(999, 0)).toContain(' 99%')
    expect(bar(1_000, 0)).toContain('[##############################] 100%')
    expect(bar(0, 0, 0)).toContain('100%')
  })

  it('is drawn over itself on standard error where a person watches, and nowhere else', () => {
    const watched = outputTo({ isWatched: true })
    watched.output.progress('one')
    watched.output.progress('two')
    watched.output.endProgress()
    expect(watched.err.text()).toBe('\r\x1b[2Kone\r\x1b[2Ktwo\n')
    expect(watched.out.text()).toBe('')

    const unwatched = outputTo({})
    unwatched.output.progress('one')
    unwatched.output.endProgress()
    expect(unwatched.err.text()).toBe('')
  })
})

describe('colours', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('are for a terminal that wants them', () => {
    vi.stubEnv('NO_COLOR', '')
    vi.stubEnv('TERM', 'xterm')
    expect(wantsColour(true)).toBe(true)
    expect(wantsColour(false)).toBe(false)
    vi.stubEnv('NO_COLOR', '1')
    expect(wantsColour(true)).toBe(false)
    vi.stubEnv('NO_COLOR', '')
    vi.stubEnv('TERM', 'dumb')
    expect(wantsColour(true)).toBe(false)
  })

  it('go around the text, which stays the same', () => {
    expect(outputTo({ colours: true }).output.style.bad('dead')).toBe('\x1b[31mdead\x1b[0m')
    expect(outputTo({}).output.style.bad('dead')).toBe('dead')
  })
})

describe('texts from outside', () => {
  it('lose what could play with a terminal, and nothing else', () => {
    expect(clean('\x1b]0;title\x07 a\rb\u202ec\u009b')).toBe(
      '\\u001b]0;title\\u0007 a\\u000db\\u202ec\\u009b',
    )
    expect(clean('Katze 🐈\tü\n{"n":1}')).toBe('Katze 🐈\tü\n{"n":1}')
  })

  it('stay on their row of a table', () => {
    expect(
      table(
        ['A', 'B'],
        [
          ['1\n2', 'x'],
          ['3', ''],
        ],
      ),
    ).toEqual(['A     B', '1\\n2  x', '3'])
    expect(table(['A', 'B'], [])).toEqual(['A  B'])
    expect(
      pairs([
        ['a', '1'],
        ['long', '2'],
      ]),
    ).toEqual(['a     1', 'long  2'])
  })
})

it('JSON is one document, or one object a line', () => {
  const one = outputTo({ json: true })
  one.output.value({ a: 1 })
  expect(one.out.text()).toBe('{\n  "a": 1\n}\n')
  const many = outputTo({ json: true })
  many.output.value({ a: 1 }, 'one of many')
  expect(many.out.text()).toBe('{"a":1}\n')
})

it('the environment says where the broker is and with which key; blank counts as unset', () => {
  expect(parseClientConfig({})).toEqual({ url: 'http://127.0.0.1:3000', apiKey: undefined })
  expect(parseClientConfig({ BROKER_URL: ' ', BROKER_API_KEY: '' })).toEqual({
    url: 'http://127.0.0.1:3000',
    apiKey: undefined,
  })
  expect(parseClientConfig({ BROKER_URL: 'https://b.test/x', BROKER_API_KEY: 'k' })).toEqual({
    url: 'https://b.test/x',
    apiKey: 'k',
  })
  expect(() => parseClientConfig({ BROKER_URL: 'ftp://b.test' })).toThrow(
    'BROKER_URL must be a URL that begins with http:// or https://',
  )
})
