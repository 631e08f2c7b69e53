// `webhook-broker replay dlv_…`

import { EXIT } from '../exit.ts'
import { unwrap, type Kit } from '../kit.ts'
import { paintStatus } from '../present.ts'

export const addReplay = ({ command, run }: Kit): void => {
  command('replay <id>', 'send a delivery again, whatever its status').action(
    run(async ({ client, out }, [id = '']) => {
      const delivery = unwrap(
        await client.POST('/api/v0/deliveries/{id}/replay', { params: { path: { id } } }),
      )
      if (out.json) out.value(delivery)
      else out.line(`replayed: ${delivery.id}  ${paintStatus(out.style, delivery.status)}`)
      return EXIT.ok
    }),
  )
}
