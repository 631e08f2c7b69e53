// `webhook-broker replay dlv_…`, or with a filter: `webhook-broker replay --status dead --event upload_image`, or what a
// webhook missed while it was disabled: `webhook-broker replay --missed --webhook wh_…`.

import { setTimeout as wait } from 'node:timers/promises'
import type { components } from '../../client/client.ts'
import { EXIT, UsageError, type ExitCode } from '../exit.ts'
import { unwrap, type Context, type Kit } from '../kit.ts'
import { paintStatus, progressBar } from '../present.ts'
import { addFilter, filterOf, type FilterOptions } from './filter.ts'

type Options = FilterOptions & { missed?: true; dryRun?: true }

type Replay = components['schemas']['Replay']
type ReplayFilter = Replay['filter']

export const addReplay = ({ command, run }: Kit): void => {
  addFilter(command('replay [id...]', 'send deliveries again: those named, or all of a filter'))
    .option('--missed', 'what --webhook was never sent, because it was disabled at the time')
    .option('--dry-run', 'only say how many it would be')
    .action(
      run<Options>(async (context, ids, options) => {
        const filter: ReplayFilter = filterOf(options)
        if (options.missed === true) Object.assign(filter, missedOf(options))
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
        const asked = isFiltered ? filter : { ids: [...ids] }
        return replayMany(context, asked, options.dryRun === true)
      }),
    )
}

/** Judged here already: the broker's answer would name fields that nobody typed. */
const missedOf = ({ webhook, status, event, message }: Options): ReplayFilter => {
  if (webhook === undefined) {
    throw new UsageError('--missed needs --webhook <id>: it is one webhook that missed them')
  }
  if ([status, event, message].some((option) => option !== undefined)) {
    throw new UsageError('--missed goes with --webhook, --from and --to alone')
  }
  return { missed: true }
}

const replayOne = async ({ client, out }: Context, id: string): Promise<ExitCode> => {
  const delivery = unwrap(
    await client.POST('/api/v0/deliveries/{id}/replay', { params: { path: { id } } }),
  )
  if (out.json) out.value(delivery)
  else out.line(`replayed: ${delivery.id}  ${paintStatus(out.style, delivery.status)}`)
  return EXIT.ok
}

/** The broker's own replay of many: it goes on there also when nobody watches. */
const replayMany = async (
  context: Context,
  filter: ReplayFilter,
  dryRun: boolean,
): Promise<ExitCode> => {
  const { client, out } = context
  const answer = unwrap(await client.POST('/api/v0/replays', { body: { filter, dryRun } }))
  if (!('id' in answer)) {
    if (out.json) out.value(answer)
    else out.line(`would replay: ${answer.count}`)
    return EXIT.ok
  }
  const stopping = context.stopSignal()
  let replay = answer
  while (replay.status === 'running' && !stopping.aborted) {
    out.progress(progressBar(replay))
    await wait(LOOK_AGAIN_MS, undefined, { signal: stopping }).catch(() => undefined)
    const path = { id: replay.id }
    replay = unwrap(await client.GET('/api/v0/replays/{id}', { params: { path } }))
  }
  out.endProgress()
  tell(context, replay)
  return replay.status === 'finished' ? EXIT.ok : EXIT.failed
}

const LOOK_AGAIN_MS = 200

const tell = ({ out }: Context, { id, status, total, replayed, skipped }: Replay): void => {
  if (out.json) out.value({ total, replayed, skipped })
  else out.line(`replayed: ${replayed} of ${total}, ${skipped} skipped`)
  if (status === 'running') out.note(`the broker goes on with it: GET /api/v0/replays/${id}`)
}
