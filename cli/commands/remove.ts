// `webhook-broker remove upload_image wh_…`

import { EXIT } from '../exit.ts'
import { unwrap, type Kit } from '../kit.ts'

export const addRemove = ({ command, run }: Kit): void => {
  command('remove <eventName> <id>', 'remove a webhook; its open deliveries are cancelled').action(
    run(async ({ client, out }, [eventName = '', id = '']) => {
      const { error, response } = await client.DELETE('/api/v0/webhooks/{eventName}/{id}', {
        params: { path: { eventName, id } },
      })
      if (!response.ok) unwrap({ error, response })
      if (out.json) out.value({ removed: id })
      else out.line(`removed: ${id}`)
      return EXIT.ok
    }),
  )
}
