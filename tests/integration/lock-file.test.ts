// Two processes on one folder destroy it, so exactly one of them may ever hold its lock.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { takeLock } from '../../lib/postgres/lock-file.ts'
import { startProcess, type BrokerProcess } from '../support/process.ts'

let folder: string
let file: string
const processes: BrokerProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'webhook-broker-lock-'))
  file = join(folder, 'data.lock')
})
afterEach(async () => {
  await Promise.all(processes.splice(0).map((each) => each.kill9()))
  rmSync(folder, { recursive: true, force: true })
})

/** The number of a process that has just ended. */
const deadPid = (): number => spawnSync('true').pid

const contender = async (): Promise<BrokerProcess> => {
  const each = await startProcess({
    script: 'tests/support/hold-lock.ts',
    args: [file, join(folder, 'shot')],
    readyLine: /^waiting$/,
  })
  processes.push(each)
  return each
}

const shoot = () => writeFileSync(join(folder, 'shot'), '')

test('is refused while its process lives, and the message names it', async () => {
  const holder = await contender()
  shoot()
  await holder.waitForLine(/^holds it$/)

  await expect(takeLock(file)).rejects.toThrow(
    `the data folder is in use by process ${holder.pid}; stop it, or set BROKER_DATA_DIR to another folder`,
  )
})

test('is free again once it was given back', async () => {
  const unlock = await takeLock(file)
  await expect(takeLock(file)).rejects.toThrow(`in use by process ${process.pid};`)
  unlock()
  expect(existsSync(file)).toBe(false)
  const again = await takeLock(file)
  again()
})

test('of a process that was killed with -9 is taken over', async () => {
  const holder = await contender()
  shoot()
  await holder.waitForLine(/^holds it$/)
  await holder.kill9()
  expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`^${holder.pid} `))

  await takeLock(file)

  expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`^${process.pid} `))
})

test('of a process whose number another one has by now is taken over', async () => {
  // Our parent lives, and did not start one tick after the machine.
  writeFileSync(file, `${process.ppid} 1`)
  await takeLock(file)
  expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`^${process.pid} `))
})

// Both had found it dead. The slower one removed what it believed to be the dead one: the lock of the faster one.
test('of a dead process is taken over by exactly one of five that find it at once', async () => {
  writeFileSync(file, `${deadPid()} 1`)
  const five = await Promise.all(Array.from({ length: 5 }, contender))
  shoot()
  const said = await Promise.all(five.map((each) => each.waitForLine(/holds it|in use/)))

  const winner = five[said.indexOf('holds it')]
  expect(said.filter((line) => line === 'holds it')).toHaveLength(1)
  expect(said.filter((line) => line.includes(`in use by process ${winner?.pid};`))).toHaveLength(4)
})

test('that was cut off in the writing, and a take-over that was cut off, are no obstacle for ever', async () => {
  writeFileSync(file, '')
  mkdirSync(`${file}.takeover`)
  await takeLock(file)
  expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`^${process.pid} \\d+$`))
  expect(existsSync(`${file}.takeover`)).toBe(false)
})
