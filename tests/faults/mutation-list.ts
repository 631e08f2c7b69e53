// The mutations: each takes away one thing on which the promise rests, and names the fault test that must notice.

export type Edit = { file: string; from: string; to: string }

export type Mutation = {
  key: string
  name: string
  edits: readonly Edit[]
  test: { file: string; name: string }
}

const CRASH_WORKER = 'tests/faults/crash-worker.test.ts'
const LOST_REDIS = 'tests/faults/lost-redis.test.ts'

export const MUTATIONS: readonly Mutation[] = [
  {
    key: 'lease',
    name: 'the claim no longer looks at a living lease',
    edits: [
      {
        file: 'lib/postgres/claim-sql.ts',
        from: `      when d.lease_until > now() then 'leased'\n`,
        to: '',
      },
    ],
    test: { file: LOST_REDIS, name: 'row 16: jobs added again' },
  },
  {
    key: 'claim-first',
    name: 'the request is sent before its claim has committed',
    edits: [
      {
        file: 'lib/postgres/turn.ts',
        from: 'database.query<ClaimedRow | RecordedRow>(\n',
        to: 'committedLate<ClaimedRow | RecordedRow>(\n    database,\n',
      },
      {
        file: 'lib/postgres/turn.ts',
        from: `type Turn =`,
        to: `const committedLate = async <R>(database: Database, text: string, values: unknown[], _plan: string): Promise<R[]> => {
  const { CompiledQuery } = await import('kysely')
  const open = await database.kysely.startTransaction().execute()
  const { rows } = await open.executeQuery<R>(CompiledQuery.raw(text, values))
  setTimeout(() => void open.commit().execute(), 300)
  return rows
}

type Turn =`,
      },
    ],
    test: { file: CRASH_WORKER, name: 'row 10' },
  },
  {
    key: 'result-first',
    name: 'BullMQ is told before the result has committed',
    edits: [
      {
        file: 'lib/broker/attempt-delivery.ts',
        from: 'const recorded = await record(deps, { claim, outcome, durationMs, plan }, lease)',
        to: `void record(deps, { claim, outcome, durationMs, plan }, lease).catch(() => undefined)
  const recorded: Recorded = { status: 'delivered', fenced: false, nextAttemptAtMs: null, generation: 0, dbNowMs: 0 }`,
      },
    ],
    test: { file: CRASH_WORKER, name: 'row 13' },
  },
  {
    key: 'routing-version',
    name: 'the routing table is believed whatever its version',
    edits: [
      {
        file: 'lib/postgres/accept.ts',
        from: 'coalesce(a.version = t.routing_version, false) as believed',
        to: 'a.version is not null as believed',
      },
    ],
    test: { file: LOST_REDIS, name: 'row 29: a webhook registered while Redis was away' },
  },
  {
    key: 'routing-version-alone',
    name: 'the routing table is believed whatever its version, by a trigger that comes alone',
    edits: [
      {
        file: 'lib/postgres/accept-alone.ts',
        from: 'having $5::bigint = (select t.routing_version from tenants t where t.id = $2::text)',
        to: 'having $5::bigint is not null',
      },
    ],
    test: { file: LOST_REDIS, name: 'row 29: a webhook registered while Redis was away' },
  },
  {
    key: 'empty-set',
    name: 'an empty set of URLs is believed',
    edits: [
      {
        file: 'lib/postgres/accept.ts',
        from: 'route === undefined || route.urls.length === 0 ? null',
        to: 'route === undefined ? null',
      },
    ],
    test: { file: LOST_REDIS, name: 'row 29: an event whose URLs vanished' },
  },
  {
    key: 'counted-out',
    name: 'BullMQ ends a delivery by counting its failures',
    edits: [
      { file: 'lib/queue/backend.ts', from: 'attemptsMade: 0,', to: 'attemptsMade: 999_999,' },
    ],
    test: { file: LOST_REDIS, name: 'a job whose last failure BullMQ has counted' },
  },
  {
    key: 'orphan-repair',
    name: 'a job that no list holds is never removed and added again',
    edits: [
      {
        file: 'lib/broker/sweep-enqueue.ts',
        from: 'present[index] === true && probes >= PROBES_BEFORE_REPLACING',
        to: 'present[index] === true && probes >= PROBES_BEFORE_REPLACING && false',
      },
    ],
    test: { file: LOST_REDIS, name: 'row 18: a job that no list holds' },
  },
  {
    key: 'incarnation',
    name: 'an emptied Redis is not noticed',
    edits: [
      {
        file: 'lib/broker/sweep.ts',
        from: 'if (!first && (inRedis === undefined || inRedis < inPostgres)) {',
        to: 'if (inRedis !== undefined && inRedis < inPostgres) {',
      },
    ],
    test: { file: LOST_REDIS, name: 'row 6' },
  },
  {
    key: 'fence',
    name: 'a result is recorded whoever holds the claim',
    edits: [
      {
        file: 'lib/postgres/record-sql.ts',
        from: '(d.claim_token = a.token and d.attempt_count = a.number) is true and d.lease_until is not null as held',
        to: 'true as held',
      },
    ],
    test: { file: 'tests/faults/frozen.test.ts', name: 'row 20' },
  },
]
