// `webhook-broker trigger upload_image --data '{"name":"cat.png"}'`. Standard input is read only when it is asked for:
// in a loop that reads lines, a command that reads it unasked takes the rest of the list.

import { readFile } from 'node:fs/promises'
import { Option } from 'commander'
import { EXIT, UsageError } from '../exit.ts'
import type { Kit } from '../kit.ts'

type Options = { data?: string; file?: string; idempotencyKey?: string }

export const addTrigger = ({ command, run }: Kit): void => {
  command('trigger <eventName>', 'fire an event; without a payload it carries {}')
    .addOption(new Option('--data <json>', 'the payload').conflicts('file'))
    .option('--file <path>', 'a file that holds the payload; - is standard input')
    .option('--idempotency-key <key>', 'repeating a trigger with its key does no harm')
    .action(
      run<Options>(async ({ client, out }, [eventName = ''], options) => {
        const { idempotencyKey } = options
        const payload = await readPayload(options)
        const accepted = await client.trigger(eventName, payload, { idempotencyKey })
        if (out.json) out.value(accepted)
        else {
          const { messageId, deliveries, hint } = accepted
          const count = deliveries === 1 ? '1 delivery' : `${deliveries} deliveries`
          out.line(`accepted: ${messageId}  ${count}`)
          if (hint !== undefined) out.note(hint)
        }
        return EXIT.ok
      }),
    )
}

/** Bytes, sent as they are. */
const readPayload = async ({ data, file }: Options): Promise<Uint8Array | undefined> => {
  if (data !== undefined) return new TextEncoder().encode(data)
  if (file === undefined) return undefined
  if (file === '-') {
    const chunks: Buffer[] = []
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  }
  try {
    return await readFile(file)
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${error instanceof Error ? error.message : ''}`)
  }
}
