import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (file: string) => fileURLToPath(new URL(file, import.meta.url))

export default defineConfig({
  resolve: {
    // The examples import the package by its name, as its users do.
    alias: {
      'webhook-broker/client': source('client/client.ts'),
      'webhook-broker/verify': source('client/verify.ts'),
    },
  },
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
      include: ['lib/**/*.ts', 'client/**/*.ts'],
      reporter: ['text-summary', 'text', 'json-summary'],
      thresholds: {
        'lib/domain/**': { branches: 95 },
        'lib/broker/**': { branches: 95 },
      },
    },
  },
})
