// Every name that the queue has in Redis. BullMQ makes `<prefix>:<queue>:<part>`; braces around our prefix keep all of
// it on one node of a cluster.

export const QUEUE_NAME = 'deliveries'

export type QueueNames = {
  queue: string
  /** What BullMQ is given as its prefix. */
  bullPrefix: string
  job(id: string): string
  lock(id: string): string
  active: string
  waiting: string
  /** On which idle workers wait: an entry wakes one of them. */
  marker: string
  /** The counter that tells an emptied or rolled-back Redis. */
  incarnation: string
  /** The turns of a rate-limited webhook, and the workers that ask for turns. */
  turns(webhookId: string): string
  turnWorkers: string
}

/** @param prefix BROKER_KEY_PREFIX */
export const makeQueueNames = (prefix: string): QueueNames => {
  const bullPrefix = `{${prefix}}`
  const base = `${bullPrefix}:${QUEUE_NAME}`
  return {
    queue: QUEUE_NAME,
    bullPrefix,
    job: (id) => `${base}:${id}`,
    lock: (id) => `${base}:${id}:lock`,
    active: `${base}:active`,
    waiting: `${base}:wait`,
    marker: `${base}:marker`,
    incarnation: `${prefix}:incarnation`,
    turns: (webhookId) => `${bullPrefix}:turns:${webhookId}`,
    turnWorkers: `${bullPrefix}:turn-workers`,
  }
}
