// Builds what the package ships (`npm run build`, run by `npm pack` itself): the client, the verify helper and the command
// line as plain JavaScript with types, so that they need neither tsx nor this repository.

import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

/** `<outdir>/<name of the entry>.js`, dependencies left outside; what is imported on demand stays apart. */
export const bundle = async (entry: string, outdir: string): Promise<void> => {
  await build({
    entryPoints: [entry],
    outdir,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  })
}

const buildAll = async (): Promise<void> => {
  rmSync('dist', { recursive: true, force: true })
  await Promise.all([
    bundle('client/client.ts', 'dist'),
    bundle('client/verify.ts', 'dist'),
    bundle('cli/main.ts', 'dist/cli'),
  ])
  execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await buildAll()
