import { expect, test } from 'vitest'
import { reconnectAfterMs } from '../../../lib/domain/reconnect.ts'

test('a lost connection is asked for at once, then ever more seldom, and never less often than it must be', () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1_000].map((n) => reconnectAfterMs(n, 2_000))
  expect(waits).toEqual([20, 40, 80, 160, 320, 640, 1_280, 2_000, 2_000, 2_000, 2_000])
  expect(reconnectAfterMs(6, 500)).toBe(500)
})
