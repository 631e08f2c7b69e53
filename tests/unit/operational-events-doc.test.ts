import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { OPERATIONAL_EVENTS } from '../../lib/http/schemas-events.ts'

const page = readFileSync('docs/operational-events.md', 'utf8')
const examples = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(
  ([, text = '']) => JSON.parse(text) as { type: keyof typeof OPERATIONAL_EVENTS },
)

test('every payload that the page shows fits the shape that the API documents', () => {
  expect(examples.map(({ type }) => type)).toEqual([
    'broker.webhook.disabled',
    'broker.webhook.failing',
    'broker.delivery.dead',
  ])
  for (const example of examples)
    expect(OPERATIONAL_EVENTS[example.type].safeParse(example).error?.issues).toBeUndefined()
})

test.each(Object.keys(OPERATIONAL_EVENTS))('the page has a row for %s', (name) => {
  expect(page).toContain(`| \`${name}\` |`)
})
