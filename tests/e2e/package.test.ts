// The package as its users get it: packed, installed into an empty folder, imported by plain Node, compiled against, and
// its command line run.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startReceiver, type Receiver } from '../support/receiver.ts'

const run = promisify(execFile)

type Lock = { lockfileVersion: number; packages: Record<string, LockedPackage> }
type LockedPackage = { dev?: boolean; dependencies?: Record<string, string> }

let folder: string
let server: Receiver

/**
 * A lock file for a folder that has nothing but the package: the versions of this repository's own one. They lie in npm's
 * cache since this repository was installed, so that the test asks the registry for nothing that it does not have to.
 */
const lockFor = (tarball: string): Lock => {
  const own = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock
  const { dependencies = {} } = own.packages[''] ?? {}
  const needed = Object.entries(own.packages).filter(
    ([path, { dev }]) => path !== '' && dev !== true,
  )
  return {
    ...own,
    packages: {
      '': { dependencies: { 'webhook-broker': tarball } },
      ...Object.fromEntries(needed),
      'node_modules/webhook-broker': {
        ...manifest(),
        resolved: tarball,
        dependencies,
      } as LockedPackage,
    },
  }
}

const manifest = () => {
  const { version, bin } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    version: string
    bin: Record<string, string>
  }
  return { version, bin }
}

beforeAll(async () => {
  server = await startReceiver({
    answer: (_request, response) =>
      response
        .writeHead(202, { 'content-type': 'application/json' })
        .end('{"messageId":"msg_1","eventName":"e","deliveries":1}'),
  })
  folder = mkdtempSync(join(tmpdir(), 'webhook-broker-package-'))
  // Runs `prepack`, which builds.
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder])
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('['))) as { filename: string }[]
  const tarball = `file:${packed?.filename ?? ''}`
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ type: 'module', dependencies: { 'webhook-broker': tarball } }),
  )
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lockFor(tarball)))
  const quiet = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund']
  await run('npm', ['install', ...quiet], { cwd: folder })
}, 300_000)
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

it('is imported by plain Node: the client triggers, verify judges, nothing else can be imported', async () => {
  writeFileSync(
    join(folder, 'use.js'),
    `import { makeClient } from 'webhook-broker/client'
     import { verify } from 'webhook-broker/verify'
     const client = makeClient({ baseUrl: '${server.url}', apiKey: 'k' })
     const secret = 'whsec_Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0'
     const inner = await import('webhook-broker/dist/cli/main.js').catch((error) => error.code)
     console.log(JSON.stringify([
       await client.trigger('e', { n: 1 }),
       verify({ secret, headers: {}, body: '' }).reason,
       inner,
     ]))`,
  )

  const { stdout, stderr } = await run(process.execPath, ['use.js'], { cwd: folder })

  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual([
    { messageId: 'msg_1', eventName: 'e', deliveries: 1 },
    'missing_header',
    'ERR_PACKAGE_PATH_NOT_EXPORTED',
  ])
  expect(server.received[0]?.body.toString()).toBe('{"n":1}')
})

it('has types: what fits compiles, what does not fit does not', async () => {
  const use = `
    import { makeClient } from 'webhook-broker/client'
    import { verify } from 'webhook-broker/verify'
    const client = makeClient({ baseUrl: 'http://127.0.0.1:3000' })
    const { data } = await client.GET('/api/v0/deliveries', { params: { query: { status: 'STATUS' } } })
    const id: string | undefined = data?.deliveries[0]?.messageId
    const result = verify({ secret: 'whsec_', headers: new Headers(), body: new Uint8Array() })
    if (result.ok) console.log(id, result.messageId, result.attempt + 1)
    else console.log(result.reason === 'too_old')
    export {}`
  writeFileSync(join(folder, 'fits.ts'), use.replace('STATUS', 'dead'))
  writeFileSync(join(folder, 'does-not.ts'), use.replace('STATUS', 'deaf'))
  const compiler = resolve('node_modules/typescript/bin/tsc')
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext']
  const types = ['--types', 'node', '--typeRoots', resolve('node_modules/@types')]

  const refused = await run(
    process.execPath,
    [compiler, ...options, ...types, 'fits.ts', 'does-not.ts'],
    { cwd: folder },
  ).then(
    () => '',
    (error: unknown) => (error as { stdout: string }).stdout,
  )

  expect(refused).toMatch(/^does-not\.ts\(5,.*"deaf"/)
  expect(refused.match(/error TS/g)).toHaveLength(1)
}, 120_000)

it('brings the command line', async () => {
  const cli = join(folder, 'node_modules/.bin/webhook-broker')

  const { stdout } = await run(cli, ['trigger', 'e', '--json'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', BROKER_URL: server.url },
  })

  expect(JSON.parse(stdout)).toEqual({ messageId: 'msg_1', eventName: 'e', deliveries: 1 })
})
