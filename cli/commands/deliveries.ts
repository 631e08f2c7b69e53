// `webhook-broker deliveries [--status dead] [--follow]`

import type { Context, Kit } from '../kit.ts'
import { unwrap, whole } from '../kit.ts'
import { EXIT } from '../exit.ts'
import { deliveryRow, DELIVERY_COLUMNS, paintStatus, type Delivery } from '../present.ts'
import { table } from '../output.ts'
import { addFilter, filterOf, type FilterOptions } from './filter.ts'
import { followDeliveries } from './follow.ts'

type Options = FilterOptions & {
  limit: number
  cursor?: string
  follow?: boolean
  intervalMs: number
}

export const addDeliveries = ({ command, run }: Kit): void => {
  addFilter(command('deliveries', 'list deliveries, newest first'))
    .option('--limit <n>', 'at most so many', whole(1, 200), 50)
    .option('--cursor <cursor>', 'go on after a page')
    .option('--follow', 'then print what is new or has changed, until ctrl-C')
    .option('--interval-ms <ms>', 'how often --follow looks', whole(100, 3_600_000), 1_000)
    .action(
      run<Options>(async (context, _args, options) => {
        const { limit, cursor, follow, intervalMs } = options
        const filter = filterOf(options)
        if (follow === true) {
          await followDeliveries(context, { filter, first: limit, intervalMs })
          return EXIT.ok
        }
        const page = unwrap(
          await context.client.GET('/api/v0/deliveries', {
            params: {
              query: { ...filter, page_size: limit, ...(cursor === undefined ? {} : { cursor }) },
            },
          }),
        )
        if (context.out.json) context.out.value(page)
        else print(context, page.deliveries, page.nextCursor)
        return EXIT.ok
      }),
    )
}

const print = (
  { out }: Context,
  deliveries: readonly Delivery[],
  nextCursor: string | null,
): void => {
  const lines = table(DELIVERY_COLUMNS, deliveries.map(deliveryRow), (text, column) =>
    column === 1 ? paintStatus(out.style, text) : text,
  )
  for (const line of lines) out.line(line)
  if (nextCursor !== null) out.note(`more: --cursor ${nextCursor}`)
}
