// Workers of a file of tests that end with the test that started them.

import { afterEach } from 'vitest'
import type { BrokerProcess } from '../support/process.ts'

/** @returns where a test puts its workers */
export const useWorkers = (): BrokerProcess[] => {
  const workers: BrokerProcess[] = []
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()))
  })
  return workers
}
