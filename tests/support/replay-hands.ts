// What the contract tests of replays begin with: deliveries that are dead, and a runner that does not wait.

import type { ReplayFilter } from '../../lib/domain/replay-filter.ts'
import {
  answered,
  claimOf,
  DEAD,
  freshEvent,
  ids,
  record,
  registered,
  triggerOf,
  type StoreRig,
} from './store-rig.ts'

export type MadeDead = Awaited<ReturnType<ReturnType<typeof replayHands>['dead']>>

/** @param name keeps the tenants of one suite apart from those of others on the same database */
export const replayHands = (rig: () => StoreRig, name: string) => {
  let tenants = 0
  const freshTenant = () => `${name}-${(tenants += 1)}`

  /** A webhook and so many deliveries to it, which ended as dead. */
  const dead = async (tenant: string, count: number) => {
    const eventName = freshEvent()
    const webhook = await registered(rig(), eventName, ['http://127.0.0.1:4000/h', tenant])
    const deliveries: string[] = []
    for (let index = 0; index < count; index += 1) {
      const { deliveryIds } = await rig().deliveryLog.accept(triggerOf(eventName, { tenant }))
      const [id = ''] = deliveryIds
      await record(rig(), claimOf(await rig().deliveryLog.claim(id, `t-${id}`)), [
        answered(500),
        DEAD,
      ])
      deliveries.push(id)
    }
    return { eventName, webhook, deliveries }
  }
  const start = async (tenant: string, filter: ReplayFilter) => {
    const replay = await rig().bulkReplays.create({ id: ids.replay(), tenant, filter })
    if (replay === undefined) throw new Error('no such webhook')
    return replay
  }
  const noPause = () => rig().sql('update replays set next_batch_at = now()')
  /** Steps, without the pauses between them, until nothing is running. @returns the size of each batch */
  const runToEnd = async (limit = 100): Promise<number[]> => {
    const sizes: number[] = []
    for (;;) {
      await noPause()
      const step = await rig().bulkReplays.step(limit)
      if (step.kind === 'idle') return sizes
      sizes.push(step.deliveries.length)
    }
  }
  const seriesOf = async (tenant: string) =>
    (
      await rig().sql<{ series: number; count: number }>(
        'select series, count(*)::int as count from deliveries where tenant = $1 group by series order by series',
        [tenant],
      )
    ).map(({ series, count }) => [series, count])
  const balanced = async (tenant: string) =>
    (await rig().audits.days(tenant)).every(
      (day) => day.matched === day.delivered + day.dead + day.cancelled + day.open,
    )

  return { freshTenant, dead, start, noPause, runToEnd, seriesOf, balanced }
}
