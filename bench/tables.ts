// The tables of docs/performance.md from results that were written: `npm run bench:tables -- <file> <file> …`, one column
// or one table for each. Several files of the same Node are one result: a later one fills in what an earlier one lacks.

import { readFileSync } from 'node:fs'
import { judge } from './criteria.ts'
import { criteriaTable, printTables, type Result } from './report.ts'

const files = process.argv.slice(2)
if (files.length === 0)
  throw new Error('name results: npm run bench:tables -- bench/results/*.json')

const results = new Map<string, Result>()
for (const file of files) {
  const result = JSON.parse(readFileSync(file, 'utf8')) as Result
  const { node } = result.versions
  const before = results.get(node)
  const scenarios = { ...result.scenarios, ...before?.scenarios }
  results.set(node, { ...(before ?? result), scenarios })
}
console.log(
  criteriaTable(
    [...results.values()].map(({ versions, scenarios }) => [
      `Node ${versions.node.replace('v', '')}`,
      judge(scenarios),
    ]),
  ),
)
for (const result of results.values()) {
  console.log(`\n### Node ${result.versions.node.replace('v', '')} (commit ${result.commit})`)
  printTables(result)
}
