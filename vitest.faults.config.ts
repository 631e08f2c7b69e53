// The long fault tests (npm run test:faults). First, one file at a time, those that use the whole machine or measure; then,
// two at a time, those that mostly wait for leases and timeouts.

import { defineConfig } from 'vitest/config'

const LONG = 'tests/faults/long'
const WAITING = ['resources', 'crash-worker-50', 'postgres-cut-off', 'qstash', 'clocks'].map(
  (name) => `${LONG}/${name}.faults.ts`,
)

const shared = {
  globalSetup: ['tests/faults/global-setup.ts'],
  testTimeout: 180_000,
  hookTimeout: 60_000,
  retry: 0,
}

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: {
          ...shared,
          name: 'alone',
          include: [`${LONG}/*.faults.ts`],
          exclude: WAITING,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...shared,
          name: 'side by side',
          include: WAITING,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
