// The queue of the model test: in memory, on the model's clock, with what Redis can do to it: lose all, fall back to an
// earlier state, forget one list entry. Locks run out like BullMQ's.

import type { DeliveryQueue, Job, JobVerdict } from '../../lib/broker/ports.ts'

type Entry = { id: string; state: 'waiting' | 'delayed' | 'active' | 'orphan'; atMs: number }

export type ModelQueue = DeliveryQueue & {
  /** Takes the job that waits longest. The lock lives while its worker does, and a while longer. */
  take(): string | undefined
  /** The worker of a job tells what became of it. A job that is not there any more (Redis was lost) hears nothing. */
  tell(id: string, verdict: JobVerdict): void
  /** Its worker died: the lock runs out after so long. */
  abandon(id: string): void
  flush(): void
  /** Falls back to what it was so many changes ago. */
  rollBack(changes: number): void
  /** The n-th job is in no list any more. */
  orphan(n: number): void
  size(): number
}

const LOCK_MS = 2_500
const KEPT_SNAPSHOTS = 20

type State = { jobs: Map<string, Entry>; incarnation: number | undefined }

export const makeModelQueue = (nowMs: () => number): ModelQueue => {
  let state: State = { jobs: new Map(), incarnation: undefined }
  // Locks belong to living processes, not to the server's memory: a rollback does not bring one back.
  const locks = new Map<string, number>()
  const history: State[] = []
  const remember = () => {
    const jobs = new Map([...state.jobs].map(([id, entry]) => [id, { ...entry }]))
    history.push({ jobs, incarnation: state.incarnation })
    if (history.length > KEPT_SNAPSHOTS) history.shift()
  }
  const isLocked = (id: string) => (locks.get(id) ?? 0) > nowMs()
  const add = ({ deliveryId: id, delayMs }: Job) => {
    if (state.jobs.has(id)) return
    state.jobs.set(id, {
      id,
      state: delayMs > 0 ? 'delayed' : 'waiting',
      atMs: nowMs() + Math.max(0, delayMs),
    })
  }
  const promote = () => {
    for (const entry of state.jobs.values()) {
      if (entry.state === 'delayed' && entry.atMs <= nowMs()) entry.state = 'waiting'
    }
  }
  const inState = (wanted: Entry['state']) =>
    [...state.jobs.values()].filter((entry) => entry.state === wanted)
  return {
    enqueue: (jobs) => {
      remember()
      jobs.forEach(add)
      return Promise.resolve()
    },
    present: (ids) => Promise.resolve(ids.map((id) => state.jobs.has(id))),
    replace: (jobs) => {
      remember()
      for (const job of jobs) {
        if (isLocked(job.deliveryId)) continue
        state.jobs.delete(job.deliveryId)
        add(job)
      }
      return Promise.resolve()
    },
    abandoned: () =>
      Promise.resolve(
        inState('active')
          .filter(({ id }) => !isLocked(id))
          .map(({ id }) => id),
      ),
    oldestWaiting: () => Promise.resolve(inState('waiting')[0]?.id),
    waitingCount: () => Promise.resolve(inState('waiting').length),
    wake: () => Promise.resolve(),
    incarnation: () => Promise.resolve(state.incarnation),
    holdsIncarnation: () => Promise.resolve(state.incarnation !== undefined),
    raiseIncarnation: (from, to) => {
      if (state.incarnation !== from) return Promise.resolve(false)
      remember()
      state.incarnation = to
      return Promise.resolve(true)
    },
    take: () => {
      promote()
      const [entry] = inState('waiting')
      if (entry === undefined) return undefined
      remember()
      entry.state = 'active'
      locks.set(entry.id, Infinity)
      return entry.id
    },
    tell: (id, verdict) => {
      locks.delete(id)
      if (state.jobs.get(id)?.state !== 'active') return
      remember()
      state.jobs.delete(id)
      if (verdict.kind !== 'done')
        add({ deliveryId: id, delayMs: Math.max(1, Math.ceil(verdict.delayMs)) })
    },
    abandon: (id) => locks.set(id, nowMs() + LOCK_MS),
    flush: () => {
      state = { jobs: new Map(), incarnation: undefined }
      locks.clear()
      history.length = 0
    },
    rollBack: (changes) => {
      const earlier = history.splice(Math.max(0, history.length - changes))[0]
      if (earlier !== undefined) state = earlier
    },
    orphan: (n) => {
      const entry = [...state.jobs.values()][n % Math.max(1, state.jobs.size)]
      if (entry !== undefined && entry.state !== 'active') entry.state = 'orphan'
    },
    size: () => state.jobs.size,
  }
}
