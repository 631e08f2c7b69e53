// The mutations of `npm run test:mutations` change the sources by their text. Code that moved once left two of them
// without anything to change, which nobody saw until the next run.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MUTATIONS } from '../faults/mutation-list.ts'

test.each(MUTATIONS)(
  'the mutation $key finds its text and its test',
  ({ edits, test: noticed }) => {
    for (const { file, from, to } of edits) {
      expect(readFileSync(file, 'utf8').split(from), `${file}: ${from}`).toHaveLength(2)
      expect(to).not.toBe(from)
    }
    expect(readFileSync(noticed.file, 'utf8')).toContain(`test('${noticed.name}`)
  },
)

test('each thing that the promise rests on has its mutation', () => {
  expect(MUTATIONS.map(({ key }) => key)).toEqual(
    expect.arrayContaining([
      'lease',
      'claim-first',
      'result-first',
      'routing-version',
      'counted-out',
      'orphan-repair',
    ]),
  )
})
