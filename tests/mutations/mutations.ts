// The mutations that the suite must catch: each takes away one thing that a guarantee stands on. A suite that stays green
// with one of them is not evidence of that guarantee.

export type Mutation = {
  name: string
  file: string
  /** Stands exactly once in the file; a mutation that no longer fits is a fault of this list. */
  from: string
  to: string
  /** Where it must show; with real processes wherever one is killed, emptied or slow. */
  tests: readonly string[]
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'lease check removed',
    file: 'lib/postgres/claim.ts',
    from: "      when d.lease_until > now() then 'leased'\n",
    to: '',
    // Row 16: Redis is emptied while slow requests are on the wire, and the sweep comes by several times meanwhile.
    tests: ['tests/faults/lost-redis.test.ts'],
  },
  {
    name: 'claim not committed before the send',
    file: 'lib/postgres/claim.ts',
    from: '  from judged j\n  where d.id = j.id and',
    to: '  from judged j\n  where false and d.id = j.id and',
    tests: ['tests/faults/crash-worker.test.ts'],
  },
  {
    name: 'BullMQ told before the result commit',
    file: 'lib/broker/attempt-delivery.ts',
    from: 'const recorded = await record(deps, { claim, outcome, durationMs, plan }, lease)',
    to:
      'void deps.clock.wait(200).then(() => record(deps, { claim, outcome, durationMs, plan }, lease))\n' +
      "  const recorded: Recorded = { status: 'retrying', fenced: false, dbNowMs: 0, " +
      "nextAttemptAtMs: plan.kind === 'retry' ? plan.delayMs : null }",
    tests: ['tests/faults/crash-worker.test.ts', 'tests/unit/broker/attempt-delivery.test.ts'],
  },
  {
    name: 'routing version check removed',
    file: 'lib/postgres/accept.ts',
    from: 'a.version is not distinct from t.routing_version as believed',
    to: 'a.version is not null as believed',
    tests: ['tests/contract/stores-postgres.test.ts'],
  },
  {
    name: 'removeOnFail removed',
    file: 'lib/queue/options.ts',
    from: '  removeOnFail: true,\n',
    to: '',
    tests: [
      'tests/contract/delivery-queue.test.ts',
      'tests/contract/delivery-queue-faults.test.ts',
      'tests/integration/queue-worker.test.ts',
      'tests/integration/queue-worker-faults.test.ts',
    ],
  },
  {
    name: 'orphan repair removed',
    file: 'lib/broker/sweep.ts',
    from: 'present[index] === true && probes >= PROBES_BEFORE_REPLACING',
    to: 'present[index] === true && probes < 0',
    // Row 18: a job that no list holds.
    tests: ['tests/faults/lost-redis.test.ts'],
  },
]
