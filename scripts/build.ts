// Builds what the package ships (`npm run build`, run by `npm pack` itself): the client, the verify helper and the command
// line as plain JavaScript with types, so that they need neither tsx nor this repository. And the processes of the
// container, with all that they import: one takes half the memory that it takes through tsx, and starts in a fifth of the time.

import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { build, type BuildOptions } from 'esbuild'

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

// What CommonJS packages ask for.
const REQUIRE =
  "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);"

// A process keeps the text of its modules twice, outside the heap: without indentation and comments that is 3 MB less. Names
// stay, and lines are short enough for a stack trace to point at something.
const WITHOUT_BLANKS = { minifyWhitespace: true, lineLimit: 120 } as const

// An optional part of pg that nobody has.
const OUTSIDE = ['pg-native']

/** Processes with the packages that they use and nothing else. `<outdir>/<path of the entry below all of them>.js`
 *  @param external packages that are left outside nevertheless */
export const bundleProcesses = async (
  entryPoints: readonly string[],
  outdir: string,
  { external = [], ...names }: Pick<BuildOptions, 'absWorkingDir' | 'entryNames' | 'external'> = {},
): Promise<void> => {
  await build({
    entryPoints: [...entryPoints],
    outdir,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: REQUIRE },
    ...WITHOUT_BLANKS,
    external: [...OUTSIDE, ...external],
    ...names,
    logLevel: 'warning',
  })
}

/** The processes of a container: API, worker, sweep and migrations. */
export const bundleServer = (outdir: string): Promise<void> =>
  bundleProcesses(
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
