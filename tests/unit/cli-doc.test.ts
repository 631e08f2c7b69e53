// docs/cli.md against the commands themselves.

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { EXIT } from '../../cli/exit.ts'
import { makeProgram } from '../../cli/program.ts'

const page = readFileSync('docs/cli.md', 'utf8')
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.split('\n', 1)[0] ?? '', section] as const),
)
const commands = makeProgram(() => undefined).commands

it('docs/cli.md has one section for each command, and no other', () => {
  expect([...sections.keys()].sort()).toEqual(commands.map((command) => command.name()).sort())
})

it('docs/cli.md has every exit code', () => {
  const rows = [...page.matchAll(/^\| (\d) \| /gm)].map(([, code]) => Number(code))
  expect(rows).toEqual(Object.values(EXIT))
})

describe.each(commands.map((command) => [command.name(), command] as const))(
  'the section of %s',
  (name, command) => {
    it('names each of its options, and none that it has not', () => {
      const own = command.options.map(({ long }) => long ?? '').filter((long) => long !== '--json')
      const section = sections.get(name) ?? ''
      const named = new Set(
        [...section.matchAll(/--[a-z]+(?:-[a-z]+)*/g)]
          .map(([option]) => option)
          // Of `npm run listen`, which the page mentions.
          .filter((option) => option !== '--secret'),
      )
      expect([...named].sort()).toEqual([...new Set(own)].sort())
    })

    it('shows a call of it', () => {
      expect(sections.get(name)).toMatch(new RegExp(`npx webhook-broker ${name}\\b`))
    })

    it('takes --json', () => {
      expect(command.options.map(({ long }) => long)).toContain('--json')
    })
  },
)
