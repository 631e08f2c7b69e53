// Builds what the package ships (`npm run build`, run by `npm pack` itself): the client, the verify helper and the command
// line as plain JavaScript with types, so that they need neither tsx nor this repository. And the processes of the
// container: without tsx one takes 70 MB less and starts in half the time.

import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

/** `<outdir>/<name of the entry>.js`, dependencies left outside; what is imported on demand stays apart. */
export const bundle = async (entries: string | string[], outdir: string): Promise<void> => {
  await build({
    entryPoints: [entries].flat(),
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

/** The processes of a container: API, worker, sweep and migrations. */
export const bundleServer = (outdir: string): Promise<void> =>
  bundle(
    ['api', 'worker', 'sweep', 'migrate'].map((name) => `local/${name}.ts`),
    outdir,
  )

const buildAll = async (): Promise<void> => {
  rmSync('dist', { recursive: true, force: true })
  await Promise.all([
    bundle('client/client.ts', 'dist'),
    bundle('client/verify.ts', 'dist'),
    bundle('cli/main.ts', 'dist/cli'),
    bundleServer('dist/server'),
  ])
  execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await buildAll()
