// A private certificate authority and server certificates, good and bad, made anew by the openssl program.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export type KeyPair = { key: string; cert: string }

export type Authority = {
  /** For NODE_EXTRA_CA_CERTS. */
  certPath: string
  /**
   * @param names e.g. `DNS:localhost,IP:127.0.0.1`
   * @param days of validity from now; a negative number makes one that has expired
   */
  issue(names: string, days?: number): Promise<KeyPair>
  remove(): Promise<void>
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

export const makeAuthority = async (): Promise<Authority> => {
  const folder = await mkdtemp(join(tmpdir(), 'certificates-'))
  const path = (name: string) => join(folder, name)
  await selfSign(path('ca'), '/CN=test authority', 'basicConstraints=critical,CA:TRUE')
  let issued = 0
  return {
    certPath: path('ca.pem'),
    issue: async (names, days = 2) => {
      issued += 1
      const base = path(`server-${issued}`)
      await run('openssl', [
        'req',
        ...KEY,
        '-keyout',
        `${base}.key`,
        '-out',
        `${base}.csr`,
        '-subj',
        '/CN=server',
      ])
      await writeFile(`${base}.ext`, `subjectAltName=${names}\n`)
      const request = ['-in', `${base}.csr`, '-extfile', `${base}.ext`, '-out', `${base}.pem`]
      const signer = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial']
      await run('openssl', ['x509', '-req', ...request, ...signer, '-days', String(days)])
      return readPair(base)
    },
    remove: () => rm(folder, { recursive: true }),
  }
}

/** A certificate that nobody vouches for. */
export const makeSelfSigned = async (names: string): Promise<KeyPair> => {
  const folder = await mkdtemp(join(tmpdir(), 'certificates-'))
  await selfSign(join(folder, 'server'), '/CN=server', `subjectAltName=${names}`)
  const pair = await readPair(join(folder, 'server'))
  await rm(folder, { recursive: true })
  return pair
}

const selfSign = (base: string, subject: string, extension: string) => {
  const files = ['-keyout', `${base}.key`, '-out', `${base}.pem`]
  const content = ['-subj', subject, '-addext', extension, '-days', '2']
  return run('openssl', ['req', '-x509', ...KEY, ...files, ...content])
}

const readPair = async (base: string): Promise<KeyPair> => ({
  key: await readFile(`${base}.key`, 'utf8'),
  cert: await readFile(`${base}.pem`, 'utf8'),
})
