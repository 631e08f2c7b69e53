// How many attempts of one webhook a worker may have under way at once, so that a bad receiver never takes the slots of
// the others, and a good one alone gets all of them. Rules only: the counting is done by broker/webhook-gate.ts.

/** A webhook is slow from here on: its attempts hold their slots for longer than anybody should wait for one. */
export const SLOW_MS = 1_000
// Below this, a slot comes free sooner than a delivery that was put aside could be brought back.
const QUICK_MS = 100

export type Slots = {
  concurrency: number
  /** Under way in this process, for all webhooks. */
  inFlight: number
  /** Under way for slow webhooks. */
  slowInFlight: number
}

export type Pace =
  /** None of its attempts has ended here yet. */
  { kind: 'unknown' } | { kind: 'slow' } | { kind: 'steady'; meanMs: number }

/** What may be added, and what happens to the rest. */
export type Room = {
  room: number
  /** True: the rest waits in Postgres until attempts of this webhook end. False: it asks again in a moment. */
  parks: boolean
}

const share = (concurrency: number, percent: number, atLeast: number) =>
  Math.max(atLeast, Math.floor((concurrency * percent) / 100))

/** A webhook's own share of a worker: 20 %, at least 1. */
export const capOf = (concurrency: number): number => share(concurrency, 20, 1)

/** What one webhook that is not slow leaves free for the others, once there are others: 20 %. */
const allButReserve = (concurrency: number) => concurrency - share(concurrency, 20, 0)

/** What all slow webhooks together may hold: half. Without this limit many bad receivers do what one must not. */
export const slowRoomOf = ({ concurrency, slowInFlight }: Slots): number =>
  share(concurrency, 50, 1) - slowInFlight

export type FairShareInput = Slots & {
  pace: Pace
  /** Under way for this webhook. */
  own: number
  /** Whether another webhook has had work here lately. */
  othersWait: boolean
}

/** @returns the number of attempts that the webhook may have under way in this process, including those it has */
export const fairShare = (input: FairShareInput): number => {
  const { pace, own, concurrency, inFlight, othersWait } = input
  const cap = capOf(concurrency)
  switch (pace.kind) {
    case 'slow':
      return Math.min(cap, own + Math.max(0, slowRoomOf(input)))
    case 'unknown':
      return firstRoom(concurrency, othersWait)
    case 'steady':
      return pace.meanMs >= QUICK_MS && othersWait
        ? Math.max(cap, allButReserve(concurrency) - (inFlight - own))
        : concurrency
  }
}

export const roomOf = (input: FairShareInput): Room => ({
  room: Math.max(0, fairShare(input) - input.own),
  parks: input.pace.kind !== 'unknown',
})

/** What a webhook may take before anything is known of it. */
export const firstRoom = (concurrency: number, othersWait: boolean): number =>
  othersWait ? capOf(concurrency) : Math.max(capOf(concurrency), allButReserve(concurrency))

/** How many deliveries a breaker that closes lets go at once, and how many each one that ends then brings along. */
export const FIRST_RELEASE = 10
export const releasedBy = (succeeded: boolean): number => (succeeded ? 2 : 1)
