// Group commit: callers that arrive while a batch is under way form the next one. A lone caller never waits.
// It knows nothing of SQL; a caller's promise settles only when its own batch has committed or failed.

export type BatcherOptions<Item, Answer> = {
  /** Commits a batch. @returns one answer per item, in order */
  run(items: readonly Item[]): Promise<Answer[]>
  maxItems: number
  /** Bounds a batch by weight (bytes, say) beside the number of its items. */
  weight?: { of(item: Item): number; max: number }
  /** Items of one key never share a batch: a statement must not touch a row twice. */
  keyOf?(item: Item): string | undefined
  /** Whether a failed batch failed for all alike (a lost connection). If not, it is run again item by item, so that one
   *  bad row never fails its neighbours. */
  failsForAll(error: unknown): boolean
  /** Waited for before each batch: until whoever comes at this very moment has come. By default those of one microtask.
   *  @param before how many the batch before it held; 0 when there was none */
  gather?(before: number): Promise<void>
}

type Waiter<Item, Answer> = {
  item: Item
  resolve(answer: Answer): void
  reject(error: unknown): void
}

export type Batcher<Item, Answer> = {
  add(item: Item): Promise<Answer>
  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void>
}

/** Builds a batcher; one per kind of statement and process. */
export const makeBatcher = <Item, Answer>(
  options: BatcherOptions<Item, Answer>,
): Batcher<Item, Answer> => {
  let queue: Waiter<Item, Answer>[] = []
  let running: Promise<void> | undefined
  const gather = options.gather ?? (() => Promise.resolve())

  const drain = async () => {
    let before = 0
    while (queue.length > 0) {
      await gather(before)
      const { batch, rest } = nextBatch(queue, options)
      queue = rest
      before = batch.length
      await settle(batch, options)
    }
    running = undefined
  }

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject })
        running ??= drain()
      }),
    idle: async () => {
      while (running !== undefined) await running
    },
  }
}

const nextBatch = <Item, Answer>(
  queue: Waiter<Item, Answer>[],
  options: BatcherOptions<Item, Answer>,
) => {
  const { maxItems, weight, keyOf } = options
  const batch: Waiter<Item, Answer>[] = []
  const rest: Waiter<Item, Answer>[] = []
  const keys = new Set<string>()
  let load = 0
  for (const [index, waiter] of queue.entries()) {
    const heavy = weight === undefined ? 0 : weight.of(waiter.item)
    if (batch.length >= maxItems || (batch.length > 0 && load + heavy > (weight?.max ?? 0))) {
      rest.push(...queue.slice(index))
      break
    }
    const key = keyOf?.(waiter.item)
    if (key !== undefined && keys.has(key)) {
      rest.push(waiter)
      continue
    }
    if (key !== undefined) keys.add(key)
    load += heavy
    batch.push(waiter)
  }
  return { batch, rest }
}

const settle = async <Item, Answer>(
  batch: readonly Waiter<Item, Answer>[],
  options: BatcherOptions<Item, Answer>,
): Promise<void> => {
  try {
    const answers = await options.run(batch.map(({ item }) => item))
    batch.forEach((waiter, index) => {
      waiter.resolve(answers[index] as Answer)
    })
  } catch (error) {
    if (batch.length === 1 || options.failsForAll(error)) {
      for (const waiter of batch) waiter.reject(error)
      return
    }
    for (const waiter of batch) await settle([waiter], options)
  }
}
