// `npm run test:mutations`: applies one mutation at a time to a copy of the tree and demands that the tests notice.
// First the tests run on an unchanged copy: a test that fails anyway notices nothing.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MUTATIONS, type Mutation } from './mutations.ts'

const TREE = [
  'lib',
  'local',
  'functions',
  'tests',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  'serverless.yml',
  '.env.example',
  'docs',
  'README.md',
]

const root = process.cwd()
const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-mutations-'))
for (const name of TREE)
  cpSync(join(root, name), join(folder, name), { recursive: true, force: true })
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))

type Result = { failed: number; passed: number; finished: boolean }

const runTests = (tests: readonly string[]): Result => {
  // Where vitest.config.ts has the runner write it.
  const report = join(folder, 'test-results', 'tests.json')
  rmSync(report, { force: true })
  spawnSync('npx', ['vitest', 'run', ...tests], {
    cwd: folder,
    stdio: 'ignore',
    timeout: 300_000,
  })
  try {
    const { numFailedTests, numPassedTests } = JSON.parse(readFileSync(report, 'utf8')) as {
      numFailedTests: number
      numPassedTests: number
    }
    return { failed: numFailedTests, passed: numPassedTests, finished: true }
  } catch {
    return { failed: 0, passed: 0, finished: false }
  }
}

const mutated = ({ file, from, to }: Mutation): { original: string; text: string } => {
  const original = readFileSync(join(root, file), 'utf8')
  if (original.split(from).length !== 2)
    throw new Error(`the mutation of ${file} fits nowhere, or twice`)
  return { original, text: original.replace(from, () => to) }
}

let survivors = 0
const say = (line: string) => process.stdout.write(`${line}\n`)

const all = [...new Set(MUTATIONS.flatMap(({ tests }) => tests))]
const baseline = runTests(all)
if (!baseline.finished || baseline.failed > 0 || baseline.passed === 0) {
  say(
    `the tests do not pass without a mutation: ${baseline.failed} failed, ${baseline.passed} passed`,
  )
  process.exitCode = 1
} else {
  say('| mutation | tests that failed | verdict |')
  say('|---|---|---|')
  for (const mutation of MUTATIONS) {
    const { original, text } = mutated(mutation)
    const target = join(folder, mutation.file)
    writeFileSync(target, text)
    const { failed, passed } = runTests(mutation.tests)
    writeFileSync(target, original)
    const caught = failed > 0
    if (!caught) survivors += 1
    say(
      `| ${mutation.name} | ${failed} of ${failed + passed} | ${caught ? 'caught' : 'SURVIVED'} |`,
    )
  }
  process.exitCode = survivors === 0 ? 0 : 1
}
rmSync(folder, { recursive: true, force: true })
