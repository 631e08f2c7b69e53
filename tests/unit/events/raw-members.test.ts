import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rawMembers } from '../../../lib/events/raw-members.ts'

describe('the members of an object', () => {
  it.each([
    ['{}', []],
    [' { } ', []],
    ['{"a":1}', [['a', '1']]],
    [
      '\n{ "a" :\t1.0 , "b":1e400\r}',
      [
        ['a', '1.0'],
        ['b', '1e400'],
      ],
    ],
    ['{"n":12345678901234567890}', [['n', '12345678901234567890']]],
    [
      '{"t":true,"f":false,"z":null}',
      [
        ['t', 'true'],
        ['f', 'false'],
        ['z', 'null'],
      ],
    ],
    ['{"s":"a, \\"}] \\\\"}', [['s', '"a, \\"}] \\\\"']]],
    [
      '{"o":{ "x" : [1, {"y":"}"}] },"p":[ ]}',
      [
        ['o', '{ "x" : [1, {"y":"}"}] }'],
        ['p', '[ ]'],
      ],
    ],
    [
      '{"\\u0061":"\\u00e9é","k":1,"k":2}',
      [
        ['a', '"\\u00e9é"'],
        ['k', '2'],
      ],
    ],
    [
      '{"":"","__proto__":{}}',
      [
        ['', '""'],
        ['__proto__', '{}'],
      ],
    ],
  ])('of %s are as they were written', (text, members) => {
    expect([...rawMembers(text)]).toEqual(members)
  })

  it('mean what JSON.parse makes of them, whatever the object and its blanks', () => {
    const blanks = fc.constantFrom(undefined, 1, '\t', ' \n ')
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), blanks, (object, indent) => {
        const text = JSON.stringify(object, undefined, indent)
        const parsed = [...rawMembers(text)].map(([name, raw]) => [
          name,
          JSON.parse(raw) as unknown,
        ])
        expect(parsed).toEqual(Object.entries(JSON.parse(text) as object))
      }),
      { numRuns: 500 },
    )
  })

  it('of a long text take time in proportion to it', () => {
    const payload = JSON.stringify(Array.from({ length: 20_000 }, (_, n) => `\\"${n}{`))
    expect(rawMembers(`{"eventName":"e","payload":${payload}}`).get('payload')).toBe(payload)
  })
})
