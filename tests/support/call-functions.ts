// Calls the functions trigger (by HTTP, then by SQS) and sweep once each, as Lambda would, in a process of its own: for tests of what they print.

import { handler as sweep } from '../../functions/sweep/handler.ts'
import { handler as trigger } from '../../functions/trigger/http.ts'
import { handler as fire } from '../../functions/trigger/events.ts'
import { sqsEvent, sqsRecord } from './source-events.ts'
import { httpApiV2 } from './http-events.ts'

const answer = await trigger(
  httpApiV2({
    method: 'POST',
    path: '/api/v0/trigger-event/printed',
    headers: {
      authorization: `Bearer ${process.env['BROKER_API_KEYS'] ?? ''}`,
      'content-type': 'application/json',
    },
    body: '{}',
  }),
)
process.stdout.write(`triggered ${answer.statusCode}\n`)
await sweep({}, { getRemainingTimeInMillis: () => 20_000 })
process.stdout.write('swept\n')
await fire(sqsEvent(sqsRecord({ body: '{}', attributes: { eventName: 'printed' } })))
process.stdout.write('fired\n')
process.exit(0)
