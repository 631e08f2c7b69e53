// `webhook-broker list [eventName]`

import { EXIT } from '../exit.ts'
import { unwrap, whole, type Kit } from '../kit.ts'
import { table } from '../output.ts'

type Options = { limit: number; offset: number; cursor?: string }

export const addList = ({ command, run }: Kit): void => {
  command('list [eventName]', 'list webhooks, oldest first')
    .option('--limit <n>', 'at most so many', whole(1, 200), 50)
    .option('--offset <n>', 'leave out so many', whole(0, 1_000_000_000), 0)
    .option('--cursor <cursor>', 'go on after a page')
    .action(
      run<Options>(async ({ client, out }, [eventName], { limit, offset, cursor }) => {
        const query = { page_size: limit, offset, ...(cursor === undefined ? {} : { cursor }) }
        const page = unwrap(
          eventName === undefined
            ? await client.GET('/api/v0/webhooks', { params: { query } })
            : await client.GET('/api/v0/webhooks/{eventName}', {
                params: { query, path: { eventName } },
              }),
        )
        if (out.json) {
          out.value(page)
          return EXIT.ok
        }
        const rows = page.webhooks.map((each) => [
          each.id,
          each.eventName,
          each.disabledReason === null ? each.status : `${each.status} (${each.disabledReason})`,
          each.webhookUrl,
        ])
        for (const line of table(['ID', 'EVENT', 'STATUS', 'URL'], rows)) out.line(line)
        out.note(`${page.webhooks.length} of ${page.total}`)
        if (page.nextCursor !== null) out.note(`more: --cursor ${page.nextCursor}`)
        return EXIT.ok
      }),
    )
}
