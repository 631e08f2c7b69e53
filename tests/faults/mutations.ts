// `npm run test:mutations`: is the suite able to fail? Applies one mutation at a time to a copy of the tree, runs the
// tests that should notice, and demands that they fail. Prints a table; exit 1 when a mutant survives.

import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MUTATIONS, type Edit, type Mutation } from './mutation-list.ts'
import { print } from './print.ts'

// Everything but what is made: a list of what the tests need would fall behind them.
const LEFT_OUT = new Set([
  'node_modules',
  '.git',
  '.data',
  '.serverless',
  'coverage',
  'test-results',
])

type Report = {
  numFailedTests: number
  numPassedTests: number
  testResults: { assertionResults: { failureMessages?: string[] }[] }[]
}
type Row = { ran: number; failed: number; seconds: number; killed: boolean; why: string }

const copyTree = (): string => {
  const copy = mkdtempSync(join(tmpdir(), 'webhook-broker-mutant-'))
  for (const name of readdirSync('.').filter((entry) => !LEFT_OUT.has(entry))) {
    cpSync(name, join(copy, name), { recursive: true, preserveTimestamps: true })
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'))
  return copy
}

/** @throws Error when the text to be changed is not there exactly once: the mutation is out of date */
const apply = (copy: string, { file, from, to }: Edit): (() => void) => {
  const path = join(copy, file)
  const before = readFileSync(path, 'utf8')
  if (before.split(from).length !== 2) {
    throw new Error(`${file} does not hold the text of the mutation exactly once:\n${from}`)
  }
  writeFileSync(
    path,
    before.replace(from, () => to),
  )
  return () => writeFileSync(path, before)
}

/** Runs tests in the copy. A run that could not judge anything (a syntax error, say) counts as no test. */
const runTests = (copy: string, { file, name }: Mutation['test']): Report => {
  // Where vitest.config.ts has the runner write it.
  const report = join(copy, 'test-results', 'tests.json')
  rmSync(report, { force: true })
  spawnSync('node_modules/.bin/vitest', ['run', file, '-t', name, '--testTimeout=90000'], {
    cwd: copy,
    stdio: 'ignore',
    env: { ...process.env, VITEST: undefined },
  })
  return JSON.parse(readFileSync(report, 'utf8')) as Report
}

const judge = (copy: string, mutation: Mutation): Row => {
  const startedMs = performance.now()
  const undo = mutation.edits.map((edit) => apply(copy, edit))
  const { numPassedTests, numFailedTests, testResults } = runTests(copy, mutation.test)
  // Backwards: two edits of one file each remember what stood before them.
  for (const restore of undo.reverse()) restore()
  return {
    ran: numPassedTests + numFailedTests,
    failed: numFailedTests,
    seconds: Math.round((performance.now() - startedMs) / 1000),
    killed: numFailedTests > 0,
    why: testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .flatMap(({ failureMessages = [] }) => failureMessages)
      .join('\n'),
  }
}

/** Without a mutation the same tests must pass, or their failure says nothing. */
const baseline = (copy: string, mutation: Mutation): Row => {
  const row = judge(copy, { ...mutation, edits: [] })
  return { ...row, killed: row.ran > 0 && row.failed === 0 }
}

const wanted = process.argv.slice(2)
const mutations = MUTATIONS.filter(({ key }) => wanted.length === 0 || wanted.includes(key))
const copy = copyTree()
let survivors = 0
try {
  for (const mutation of mutations) {
    const healthy = baseline(copy, mutation)
    const row = judge(copy, mutation)
    const verdict = !healthy.killed ? 'THE TEST FAILS ANYWAY' : row.killed ? 'killed' : 'SURVIVED'
    if (verdict !== 'killed') survivors += 1
    if (!healthy.killed) print(healthy.why)
    print(
      `${verdict.padEnd(10)} ${mutation.key.padEnd(22)} ${String(row.failed)} of ${String(row.ran)} tests failed in ${row.seconds} s  (${mutation.name})`,
    )
  }
} finally {
  rmSync(copy, { recursive: true, force: true })
}
print(survivors === 0 ? 'every mutant was killed' : `${survivors} mutations went unnoticed`)
process.exitCode = survivors === 0 ? 0 : 1
