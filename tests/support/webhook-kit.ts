// The use cases of webhooks over a store that is scripted, and what it was asked.

import { makeManageWebhook, type ManageDeps } from '../../lib/broker/manage-webhook.ts'
import { makePatience } from '../../lib/broker/patience.ts'
import type {
  Missed,
  AcceptInput,
  HandOver,
  NewWebhook,
  Ready,
  RoutingChange,
} from '../../lib/broker/ports.ts'
import { makeRegisterWebhook } from '../../lib/broker/register-webhook.ts'
import { parseCidrs } from '../../lib/domain/address-guard.ts'
import { BrokerError } from '../../lib/domain/errors.ts'
import { makeSecretBox } from '../../lib/domain/secret-box.ts'
import type { Webhook } from '../../lib/domain/webhook.ts'
import { makeManualClock } from './fakes/manual-clock.ts'
import { makeRecordingLog } from './fakes/recording-log.ts'
import { makeFakeRoutingTable } from './fakes/routing-table.ts'
import { fixedRandom, makeNumberedIds } from './fakes/sources.ts'

export const webhook: Webhook = {
  id: 'wh_1',
  tenant: 'default',
  eventName: 'upload_image',
  webhookUrl: 'http://127.0.0.1:4000/h',
  status: 'enabled',
  disabledReason: null,
  description: null,
  headers: {},
  timeoutMs: null,
  rateLimit: null,
  maxInFlight: null,
  createdAt: new Date(0),
  updatedAt: new Date(0),
}
export const key = { tenant: 'default', eventName: 'upload_image', id: 'wh_1' }
export const added: RoutingChange = {
  tenant: 'default',
  eventName: 'upload_image',
  webhookUrl: webhook.webhookUrl,
  op: 'add',
  from: 0,
  to: 1,
}

type World = {
  webhook: Webhook | undefined
  change: RoutingChange | null
  parked: Ready[]
  missed: Missed | undefined
}

export const setUpWebhooks = (world: Partial<World> = {}) => {
  const none: Missed = { messages: 0, capped: false }
  const defaults: World = { webhook, change: added, parked: [], missed: none }
  const { webhook: found, change, parked, missed } = { ...defaults, ...world }
  const log = makeRecordingLog()
  const clock = makeManualClock()
  const routing = makeFakeRoutingTable()
  const calls = {
    registered: [] as NewWebhook[],
    changes: [] as unknown[],
    sealed: [] as string[],
    published: 0,
  }
  const accepts: AcceptInput[] = []
  const jobs: Parameters<HandOver>[0][number][] = []
  const changed = () =>
    Promise.resolve(found === undefined ? undefined : { webhook: found, change })
  const deps: ManageDeps & { urlPolicy: { allowedCidrs: []; httpsOnly: boolean } } = {
    log,
    routing,
    patience: makePatience({ clock, log }),
    ids: makeNumberedIds(),
    random: fixedRandom,
    secretBox: makeSecretBox([]),
    urlPolicy: { allowedCidrs: (parseCidrs('127.0.0.1/32') ?? []) as [], httpsOnly: false },
    bulkReplays: {
      missedNow: () =>
        missed === undefined ? Promise.reject(new Error('no Postgres')) : Promise.resolve(missed),
    },
    publishSoon: () => {
      calls.published += 1
      return Promise.resolve()
    },
    handOver: (handed) => {
      jobs.push(...handed)
      return Promise.resolve()
    },
    deliveryLog: {
      accept: (input) => {
        accepts.push(input)
        return Promise.resolve({
          messageId: input.messageId,
          eventName: input.eventName,
          matched: 1,
          deliveryIds: ['dlv_t'],
          replayed: false,
          conflict: false,
          believed: true,
        })
      },
    },
    webhooks: {
      register: (given) => {
        calls.registered.push(given)
        return Promise.resolve({ webhook, created: change !== null, change })
      },
      list: () => Promise.resolve({ webhooks: [webhook], total: 1, nextCursor: null }),
      find: () => Promise.resolve(found),
      change: (_key, given) => {
        calls.changes.push(given)
        return changed()
      },
      remove: changed,
      rotateSecret: (_key, sealed) => {
        calls.sealed.push(sealed)
        return Promise.resolve(found)
      },
      disable: () => Promise.resolve(null),
      releaseParked: () => Promise.resolve(parked),
      routingVersions: () => Promise.resolve([]),
      routingSnapshot: (tenant) => Promise.resolve({ tenant, version: 0, urls: new Map() }),
    },
  }
  return {
    deps,
    log,
    clock,
    routing,
    accepts,
    jobs,
    ...calls,
    manage: makeManageWebhook(deps),
    register: makeRegisterWebhook(deps),
  }
}

export const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work
    return 'done'
  } catch (error) {
    return error instanceof BrokerError ? error.code : String(error)
  }
}
