// The long fault tests (npm run test:faults): one file at a time, because each of them uses the whole machine.

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/faults/long/*.faults.ts'],
    globalSetup: ['tests/faults/global-setup.ts'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    retry: 0,
    reporters: ['default'],
    fileParallelism: false,
  },
})
