// What follows a message of QStash: nothing, or exactly one hand-over by our own schedule.

import { expect, test } from 'vitest'
import { makeAttemptMessage } from '../../../lib/broker/attempt-message.ts'
import type { HandOver, JobVerdict } from '../../../lib/broker/ports.ts'
import { BrokerError } from '../../../lib/domain/errors.ts'
import { makeRecordingLog } from '../../support/fakes/recording-log.ts'
import { codeOf } from '../../support/webhook-kit.ts'

type HandedOver = Parameters<HandOver>[0]

const setUp = (verdict: JobVerdict | Error, newest = 3, handOver?: HandOver) => {
  const log = makeRecordingLog()
  const handedOver: HandedOver[] = []
  const attempted: string[] = []
  const message = makeAttemptMessage({
    attempts: {
      byId: (id) => {
        attempted.push(id)
        return verdict instanceof Error ? Promise.reject(verdict) : Promise.resolve(verdict)
      },
    },
    deliveryLog: {
      nextGeneration: (_id, after) => Promise.resolve(after === newest ? newest + 1 : undefined),
    },
    handOver:
      handOver ??
      ((deliveries) => {
        handedOver.push(deliveries)
        return Promise.resolve()
      }),
    log,
  })
  return { log, handedOver, attempted, message }
}

test('nothing follows a delivery that is done', async () => {
  const { message, attempted, handedOver } = setUp({ kind: 'done' })
  await message({ deliveryId: 'dlv_1', generation: 3 })
  expect([attempted, handedOver]).toEqual([['dlv_1'], []])
})

test('a retry is handed over in the generation that its result decided on', async () => {
  const { message, handedOver } = setUp({ kind: 'retry', delayMs: 5_000, generation: 9 })
  await message({ deliveryId: 'dlv_1', generation: 3 })
  expect(handedOver).toEqual([[{ deliveryId: 'dlv_1', generation: 9, delayMs: 5_000 }]])
})

test('a refused claim is handed over for later in a generation of its own', async () => {
  const { message, handedOver } = setUp({ kind: 'later', delayMs: 250 })
  await message({ deliveryId: 'dlv_1', generation: 3 })
  expect(handedOver).toEqual([[{ deliveryId: 'dlv_1', generation: 4, delayMs: 250 }]])
})

test('a refused claim of a message that was overtaken hands nothing over', async () => {
  const { message, handedOver } = setUp({ kind: 'later', delayMs: 250 })
  await message({ deliveryId: 'dlv_1', generation: 2 })
  expect(handedOver).toEqual([])
  await message({ deliveryId: 'dlv_1', generation: 3 })
  expect(handedOver).toHaveLength(1)
})

test('a hand-over that fails is logged: the sweep hands over, and this message must not come again', async () => {
  const away = new BrokerError('queue_unavailable', 'QStash did not confirm')
  const { message, log } = setUp({ kind: 'retry', delayMs: 5_000, generation: 9 }, 3, () =>
    Promise.reject(away),
  )
  await message({ deliveryId: 'dlv_1', generation: 3 })
  expect(log.of('attempt.not_handed_over')).toEqual([{ deliveryId: 'dlv_1', error: away }])
})

test('a log that is away is told to whoever called: QStash is to call again', async () => {
  const { message } = setUp(new BrokerError('log_unavailable', 'away'))
  expect(await codeOf(message({ deliveryId: 'dlv_1', generation: 3 }))).toBe('log_unavailable')
})
