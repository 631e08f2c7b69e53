// BullMQ's access to Redis, over connections that we have made instead of copies that it makes itself and hides, and with its hot
// commands in batches (slots.ts). Everything else is BullMQ's own, and so are those while a queue is paused or limited as a whole.

import {
  QueueKeys,
  RedisConnection,
  RedisQueueBackend,
  type BackendFactory,
  type JobJson,
  type QueueBaseOptions,
} from 'bullmq'
import type { Redis } from 'ioredis'
import type { QueueNames } from './names.ts'
import { JOB, JOB_OPTIONS, wakeWorker, type WorkerConnections } from './options.ts'
import { makeSlots, type Slots, type Told } from './slots.ts'

type Complete = RedisQueueBackend['moveToCompleted']
/** The job, what it returned, whether it is kept, the token of its lock, whether another one is wanted. */
type Completion = Parameters<Complete>

type Over = {
  connection: RedisConnection
  blocking: RedisConnection
  slots: Slots
  /** A worker: when it finds nothing, it waits on `blocking` until there is something. */
  worker?: WorkerSide
}

export type WorkerSide = {
  /** True while it is to take nothing. */
  isHeld(): boolean
  /** Wakes a worker that waits for a job. */
  wake(): Promise<unknown>
}

class BatchingBackend extends RedisQueueBackend {
  private readonly slots: Slots
  private readonly worker: WorkerSide | undefined
  /** The last job that was taken was the only one: when the next delayed one is due. */
  private nothingUntilMs: number | undefined

  constructor(names: QueueNames, options: QueueBaseOptions, over: Over) {
    const { connection, blocking } = over
    const keys = new QueueKeys(names.bullPrefix)
    super(
      connection,
      names.queue,
      keys.getKeys(names.queue),
      (type) => keys.toKey(names.queue, type),
      options,
      blocking,
    )
    this.slots = over.slots
    this.worker = over.worker
  }

  override async moveToActive(token: string, name?: string): Promise<unknown[]> {
    const dueMs = this.nothingUntilMs
    if (dueMs !== undefined) {
      this.nothingUntilMs = undefined
      return nextJob({ kind: 'none', dueMs })
    }
    // It was waiting already when it was held, and has just used up a mark that another one would have heeded.
    if (this.worker?.isHeld()) {
      await this.worker.wake()
      return nextJob({ kind: 'none', dueMs: 0 })
    }
    const told = await this.slots({ token, ended: undefined, takes: true })
    return told.kind === 'not_here' ? super.moveToActive(token, name) : this.heard(told)
  }

  override async moveToCompleted(...asked: Completion): ReturnType<Complete> {
    const [job, , , token, fetchNext] = asked
    const takes = fetchNext && this.closing === undefined
    const told = await this.slots({ token, ended: job.id, takes })
    switch (told.kind) {
      case 'not_here':
        return super.moveToCompleted(...asked)
      case 'refused':
        throw this.finishedErrors({
          code: told.code,
          jobId: job.id ?? '',
          command: 'moveToFinished',
          state: 'active',
        })
      case 'next':
      case 'none':
        return { result: takes ? this.heard(told) : undefined, finishedOn: Date.now() }
    }
  }

  /**
   * BullMQ looks for another job beside each one that it got. Where Redis has said a moment ago that there is none, it goes on to
   * wait for one: whatever came meanwhile has left its mark, which ends that wait. A command less for each job that comes alone.
   */
  private heard(told: Told): unknown[] {
    if (this.worker !== undefined && told.kind === 'next' && told.thenDueMs !== undefined) {
      this.nothingUntilMs = told.thenDueMs
      // Later it would be hearsay: a connection that has died meanwhile is found by asking.
      setImmediate(() => {
        this.nothingUntilMs = undefined
      })
    }
    return nextJob(told)
  }
}

/** As BullMQ reads it: the job, its id, for how long the queue is limited, when the next delayed one is due. */
const nextJob = (told: Told): unknown[] => {
  if (told.kind !== 'next') return [null, '', 0, told.kind === 'none' ? told.dueMs : 0]
  return [toJson(told.jobId), told.jobId, 0, 0]
}

// All jobs are alike but for their ids, and nothing that BullMQ counts decides anything here. Written out, not spread: this is made for
// every delivery.
const toJson = (id: string): JobJson => {
  const nowMs = Date.now()
  return {
    id,
    name: JOB.name,
    data: JOB.data,
    opts: JOB_OPTIONS,
    progress: 0,
    attemptsMade: 0,
    attemptsStarted: 1,
    stalledCounter: 0,
    timestamp: nowMs,
    processedOn: nowMs,
    failedReason: '',
    // BullMQ parses both: what is no JSON costs an exception for each job, 12 µs.
    stacktrace: '[]',
    returnvalue: 'null',
  }
}

/** For a drain, which never waits for a job: one connection that fails fast, and need not stand yet. */
export const backendOverOne =
  (connection: Redis, names: QueueNames, lockMs: number): BackendFactory<RedisQueueBackend> =>
  (_name, options) => {
    const over = () =>
      new RedisConnection(connection, {
        shared: true,
        blocking: false,
        skipVersionCheck: true,
        skipWaitingForReady: true,
      })
    const slots = makeSlots(connection, names, lockMs)
    return new BatchingBackend(names, options, { connection: over(), blocking: over(), slots })
  }

/** @returns what `Worker` takes as its last argument. @param settings.lockMs for how long a job's lock holds */
export const backendOver =
  (
    { commands, blocking }: WorkerConnections,
    names: QueueNames,
    { lockMs, isHeld }: { lockMs: number } & Pick<WorkerSide, 'isHeld'>,
  ): BackendFactory<RedisQueueBackend> =>
  (_name, options) =>
    new BatchingBackend(names, options, {
      connection: new RedisConnection(commands, { shared: true, blocking: false }),
      blocking: new RedisConnection(blocking, { shared: true, blocking: true }),
      slots: makeSlots(commands, names, lockMs),
      worker: { isHeld, wake: () => wakeWorker(commands, names) },
    })
