// Builds the dashboard into dashboard/dist: `npm run build:dashboard`, and after an install. With `--if-stale` it does
// nothing when the files are newer than their sources; without Vite (a production install) it says so and ends well.
// `--serve` runs Vite's own server in front of a broker on port 3000.

import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type * as Vite from 'vite'

const ROOT = fileURLToPath(new URL('.', import.meta.url))
const DIST = join(ROOT, 'dist')
const BROKER = 'http://127.0.0.1:3000'

const config: Vite.InlineConfig = {
  root: ROOT,
  base: '/dashboard/',
  configFile: false,
  logLevel: 'warn',
  build: {
    outDir: DIST,
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy takes neither data: URLs nor an inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: Object.fromEntries(['/api', '/readyz', '/metrics'].map((p) => [p, BROKER])) },
}

const newest = (path: string): number => {
  if (!statSync(path).isDirectory()) return statSync(path).mtimeMs
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
}

const isFresh = (): boolean => {
  const built = join(DIST, 'index.html')
  if (!existsSync(built)) return false
  const sources = ['src', 'index.html', 'build.ts', 'icon.svg', '../package-lock.json']
  const builtMs = statSync(built).mtimeMs
  return sources.every((source) => newest(join(ROOT, source)) <= builtMs)
}

/** Undefined in a production install. */
const loadVite = async (): Promise<typeof Vite | undefined> => {
  try {
    return await import('vite')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}

/** @returns what it did */
const buildDashboard = async (
  options: { ifStale?: boolean } = {},
): Promise<'built' | 'fresh' | 'no_vite'> => {
  if (options.ifStale === true && isFresh()) return 'fresh'
  const vite = await loadVite()
  if (vite === undefined) return 'no_vite'
  await vite.build(config)
  return 'built'
}

const main = async (args: readonly string[]): Promise<void> => {
  // Vite builds for development where this says so, and its caller (a test run, a shell) may have set it.
  process.env['NODE_ENV'] = 'production'
  if (args.includes('--serve')) {
    const vite = await import('vite')
    const server = await vite.createServer({ ...config, logLevel: 'info' })
    await server.listen()
    server.printUrls()
    return
  }
  const done = await buildDashboard({ ifStale: args.includes('--if-stale') })
  if (done === 'no_vite' && !existsSync(DIST)) {
    console.log('the dashboard is not built: Vite is not installed (a production install)')
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2))
