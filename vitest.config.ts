import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['tests/support/global-setup.ts'],
    // Real processes, real sockets: a slow machine needs room, a hang still ends.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    retry: 0,
    // The second one is for .ci/run, which prints the sum as its last line.
    reporters: ['default', ['json', { outputFile: 'test-results/tests.json' }]],
    maxWorkers: 2,
    coverage: {
      provider: 'v8',
      include: ['lib/**/*.ts'],
      reporter: ['text-summary', 'text', 'json-summary'],
      thresholds: {
        'lib/domain/**': { branches: 95 },
        'lib/broker/**': { branches: 95 },
      },
    },
  },
})
