import { describe, expect, test } from 'vitest'
import { underPressure } from '../../lib/domain/memory-pressure.ts'
import { watchMemory } from '../../lib/wiring/memory.ts'
import { makeRecordingLog } from '../support/fakes/recording-log.ts'
import { waitUntil } from '../support/wait.ts'

const of = (usedBytes: number) => ({ usedBytes, limitBytes: 100 })

describe('memory pressure', () => {
  test('begins at 85 % and ends below 75 %', () => {
    expect([84, 86, 80, 76, 75].map((used) => underPressure(false, [of(used)]))).toEqual([
      false,
      true,
      false,
      false,
      false,
    ])
    expect([86, 80, 76, 75].map((used) => underPressure(true, [of(used)]))).toEqual([
      true,
      true,
      true,
      false,
    ])
  })

  test('is that of the pool which is fullest', () => {
    expect(underPressure(false, [of(10), of(90)])).toBe(true)
    expect(underPressure(false, [])).toBe(false)
  })

  test('is noticed within seconds, and told once', async () => {
    const log = makeRecordingLog()
    const changes: boolean[] = []
    let used = 90
    const watch = watchMemory({
      onChange: (short) => changes.push(short),
      log,
      read: () => [of(used)],
    })
    await waitUntil(() => watch.isShort(), { message: 'it is short' })
    used = 50
    await waitUntil(() => !watch.isShort(), { message: 'there is enough' })
    watch.close()
    expect(changes).toEqual([true, false])
    expect(log.lines.map(({ event }) => event)).toEqual(['memory.short', 'memory.enough'])
  })

  test('is not felt by a process that does nothing', async () => {
    const log = makeRecordingLog()
    const watch = watchMemory({ onChange: () => undefined, log })
    expect(watch.isShort()).toBe(false)
    watch.close()
    await Promise.resolve()
    expect(log.lines).toEqual([])
  })
})
