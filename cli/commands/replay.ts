// `webhook-broker replay dlv_…`, or with a filter: `webhook-broker replay --status dead --event upload_image`.

import { EXIT, UsageError, type ExitCode } from '../exit.ts'
import { unwrap, type Context, type Kit } from '../kit.ts'
import { paintStatus, progressBar, type Progress } from '../present.ts'
import { addFilter, filterOf, type FilterOptions } from './filter.ts'

type Options = FilterOptions & { dryRun?: true }

type Filter = ReturnType<typeof filterOf>

export const addReplay = ({ command, run }: Kit): void => {
  addFilter(command('replay [id...]', 'send deliveries again: those named, or all of a filter'))
    .option('--dry-run', 'only say how many it would be')
    .action(
      run<Options>(async (context, ids, options) => {
        const filter = filterOf(options)
        const isFiltered = Object.keys(filter).length > 0
        if (ids.length > 0 && isFiltered) throw new UsageError('give ids or a filter, not both')
        // Nothing never means "all".
        if (ids.length === 0 && !isFiltered) {
          throw new UsageError('give the id of a delivery, or a filter such as --status dead')
        }
        const [only] = ids
        if (ids.length === 1 && only !== undefined && options.dryRun !== true) {
          return replayOne(context, only)
        }
        const found = isFiltered ? await find(context, filter) : ids
        return options.dryRun === true ? count(context, found) : replayAll(context, found)
      }),
    )
}

const replayOne = async ({ client, out }: Context, id: string): Promise<ExitCode> => {
  const delivery = unwrap(
    await client.POST('/api/v0/deliveries/{id}/replay', { params: { path: { id } } }),
  )
  if (out.json) out.value(delivery)
  else out.line(`replayed: ${delivery.id}  ${paintStatus(out.style, delivery.status)}`)
  return EXIT.ok
}

const PAGE_SIZE = 200

/** All ids before the first is replayed: a replay changes the status that the filter may name. */
const find = async ({ client, out }: Context, filter: Filter): Promise<string[]> => {
  const ids: string[] = []
  let cursor: string | null = null
  do {
    const query = { ...filter, page_size: PAGE_SIZE, ...(cursor === null ? {} : { cursor }) }
    const page: { deliveries: { id: string }[]; nextCursor: string | null } = unwrap(
      await client.GET('/api/v0/deliveries', { params: { query } }),
    )
    ids.push(...page.deliveries.map(({ id }) => id))
    cursor = page.nextCursor
    out.progress(`found ${ids.length}`)
  } while (cursor !== null)
  out.endProgress()
  // Oldest first, as they were accepted.
  return ids.reverse()
}

const count = ({ out }: Context, { length }: readonly string[]): Promise<ExitCode> => {
  if (out.json) out.value({ dryRun: true, count: length })
  else out.line(`would replay: ${length}`)
  return Promise.resolve(EXIT.ok)
}

const AT_ONCE = 8

const replayAll = async (context: Context, ids: readonly string[]): Promise<ExitCode> => {
  const { out } = context
  const stopping = context.stopSignal()
  const progress: Progress = { total: ids.length, replayed: 0, skipped: 0 }
  const left = ids.values()
  const replayNext = async (): Promise<void> => {
    for (const id of left) {
      if (stopping.aborted) return
      progress[await attempt(context, id)] += 1
      out.progress(progressBar(progress))
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, replayNext))
  } finally {
    out.endProgress()
    tell(context, progress)
  }
  return progress.replayed + progress.skipped === progress.total ? EXIT.ok : EXIT.failed
}

/** One that is in flight, or gone by now, is left as it is. @throws ApiError for everything else */
const attempt = async ({ client }: Context, id: string): Promise<'replayed' | 'skipped'> => {
  const answer = await client.POST('/api/v0/deliveries/{id}/replay', { params: { path: { id } } })
  if (answer.response.status === 409 || answer.response.status === 404) return 'skipped'
  unwrap(answer)
  return 'replayed'
}

const tell = ({ out }: Context, progress: Progress): void => {
  const { total, replayed, skipped } = progress
  if (out.json) out.value(progress)
  else out.line(`replayed: ${replayed} of ${total}, ${skipped} skipped`)
  const rest = total - replayed - skipped
  if (rest > 0)
    out.note(`${rest} were not asked for; the same call goes on with a filter by status`)
}
