// Connections that are open and idle, by origin, to be used again. An attempt takes one for itself and gives it back:
// nothing waits in a queue here, so a receiver that never answers delays nobody, and a deadline is a deadline.
//
// Why a connection may be used again without resolving the name anew: its address was judged when it was opened, and
// judged again on the socket itself. An open socket cannot come to lead elsewhere, so an answer of the name server that
// changes later has nothing to act on. It takes effect at the next connection, at the latest after MAX_AGE_MS.

import type { Clock } from '../broker/ports.ts'
import { makeConnection, type Connection } from './connection.ts'
import type { GuardedConnect } from './guarded-connect.ts'

export type Agent = {
  /** An idle connection (the one used last, which is the least likely to be stale) or a new one. */
  take(origin: string): Connection
  /** After a complete response. One that failed is to be destroyed instead. */
  giveBack(connection: Connection): void
  /** Destroys what is idle; what is in use is destroyed when it is given back. */
  close(): void
}

export type AgentDeps = {
  connect: GuardedConnect
  clock: Pick<Clock, 'elapsedMs'>
  /** Of all origins together; beyond it the connection that has been idle longest is closed. */
  maxIdleConnections: number
}

const MAX_AGE_MS = 60_000

export const makeAgent = ({ connect, clock, maxIdleConnections }: AgentDeps): Agent => {
  const idleByOrigin = new Map<string, Connection[]>()
  // In the order in which they became idle.
  const idle = new Set<Connection>()
  let closed = false

  const forget = (connection: Connection) => {
    if (!idle.delete(connection)) return
    const siblings = idleByOrigin.get(connection.origin)
    if (siblings === undefined) return
    const index = siblings.indexOf(connection)
    if (index !== -1) siblings.splice(index, 1)
    if (siblings.length === 0) idleByOrigin.delete(connection.origin)
  }

  const drop = (connection: Connection) => {
    forget(connection)
    connection.destroy()
  }

  const onClosed = (connection: Connection) => {
    // One in use opens a new socket by itself if its request is not written yet, and fails otherwise.
    if (idle.has(connection)) drop(connection)
  }

  const usable = (connection: Connection) => connection.isOpen() && connection.ageMs() < MAX_AGE_MS

  return {
    take: (origin) => {
      for (;;) {
        const connection = idleByOrigin.get(origin)?.at(-1)
        if (connection === undefined) return makeConnection(origin, { connect, clock, onClosed })
        forget(connection)
        if (usable(connection)) return connection
        connection.destroy()
      }
    },
    giveBack: (connection) => {
      if (closed || !usable(connection)) {
        connection.destroy()
        return
      }
      idle.add(connection)
      const siblings = idleByOrigin.get(connection.origin)
      if (siblings === undefined) idleByOrigin.set(connection.origin, [connection])
      else siblings.push(connection)
      const [oldest] = idle
      if (idle.size > maxIdleConnections && oldest !== undefined) drop(oldest)
    },
    close: () => {
      closed = true
      for (const connection of [...idle]) drop(connection)
    },
  }
}
