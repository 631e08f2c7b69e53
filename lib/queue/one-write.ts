// Results are committed together, so a worker may tell BullMQ of many retries in one turn of the event loop. Each is a command
// of its own; without this each would also be a write of its own, and writes were a quarter of what a worker spent on its jobs.

import type { Redis } from 'ioredis'

/** Lets the commands of one turn leave in one write. They are neither delayed beyond the turn nor reordered. */
export const writeOncePerTurn = (redis: Redis): Redis => {
  const send = redis.sendCommand.bind(redis)
  let held = false
  redis.sendCommand = (command, stream) => {
    const socket = redis.status === 'ready' ? redis.stream : undefined
    if (!held && socket !== undefined) {
      held = true
      socket.cork()
      setImmediate(() => {
        held = false
        socket.uncork()
      })
    }
    return send(command, stream)
  }
  return redis
}
