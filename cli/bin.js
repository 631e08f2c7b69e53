#!/usr/bin/env node
// Starts the command line: from the sources in a clone, which need no build; from the build in an installed package.

import { existsSync } from 'node:fs'

const sources = new URL('./main.ts', import.meta.url)
if (existsSync(sources)) {
  const { register } = await import('tsx/esm/api')
  register()
  await import(sources.href)
} else {
  await import('../dist/cli/main.js')
}
