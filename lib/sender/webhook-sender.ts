// One POST and what came of it. Follows no redirect, repeats nothing, decompresses nothing, trusts no proxy variable.
// Once a status has arrived the receiver has spoken, and the attempt is `answered` whatever happens to the body.

import type { Clock, Sender, SendRequest } from '../broker/ports.ts'
import type { AddressPolicy } from '../domain/address-guard.ts'
import type { SendOutcome } from '../domain/attempt.ts'
import { makeAgent, type Agent } from './agent.ts'
import type { Connection, ConnectionHandler } from './connection.ts'
import { classifyError, type Failure } from './failure.ts'
import { makeGuardedConnect } from './guarded-connect.ts'
import { makeSystemResolve, type Resolve } from './resolve.ts'
import { makeResponseRecorder, type ResponseRecorder } from './response.ts'

export type SenderDeps = {
  policy: AddressPolicy
  clock: Pick<Clock, 'elapsedMs'>
  /** The system's own resolver when absent. */
  resolve?: Resolve
  maxIdleConnections?: number
}

export type WebhookSender = Sender & {
  /** Closes idle connections; attempts under way end as usual, and close theirs. */
  close(): void
}

const MAX_IDLE_CONNECTIONS = 1_000

export const makeSender = (deps: SenderDeps): WebhookSender => {
  const agent = makeAgent({
    connect: makeGuardedConnect(deps.policy, deps.resolve ?? makeSystemResolve()),
    clock: deps.clock,
    maxIdleConnections: deps.maxIdleConnections ?? MAX_IDLE_CONNECTIONS,
  })
  return {
    send: (request) =>
      new Promise((resolve) => {
        if (isWebUrl(request.url)) attempt(agent, request, resolve)
        else resolve(failed(NOT_A_URL))
      }),
    close: agent.close,
  }
}

const attempt = (
  agent: Agent,
  request: SendRequest,
  resolve: (outcome: SendOutcome) => void,
): void => {
  const { timeoutMs } = request
  const url = new URL(request.url)
  const connection = agent.take(url.origin)
  const response = makeResponseRecorder()
  const state = { started: false, settled: false }

  const settle = (outcome: SendOutcome, reusable = false) => {
    if (state.settled) return
    state.settled = true
    clearTimeout(deadline)
    if (reusable) agent.giveBack(connection)
    else connection.destroy()
    resolve(outcome)
  }
  const breakOff = (failure: () => SendOutcome) =>
    settle(response.hasStatus() ? { kind: 'answered', response: response.finish(true) } : failure())

  const deadline = setTimeout(() => {
    // After a pause of the whole process the answer may lie in the socket, unread: look once before giving up.
    setImmediate(() => breakOff(() => timedOut(state.started, timeoutMs)))
  }, timeoutMs)

  connection.dispatch(
    { path: url.pathname + url.search, headers: request.headers, body: request.body },
    makeHandler({ request, connection, response, state, settle, breakOff }),
  )
}

type Attempt = {
  request: SendRequest
  connection: Connection
  response: ResponseRecorder
  state: { started: boolean; settled: boolean }
  /** Ends the attempt; later calls do nothing. Only a connection that is `reusable` lives on. */
  settle(outcome: SendOutcome, reusable?: boolean): void
  /** Ends an attempt that did not go through: with an answer all the same, if there was a status. */
  breakOff(failure: () => SendOutcome): void
}

const makeHandler = (attempt: Attempt): ConnectionHandler => {
  const { request, connection, response, state, settle, breakOff } = attempt
  const mayStart = (): Failure | undefined => {
    // undici would write the request again: whether to send twice is decided by the schedule, not by the client.
    if (state.started || state.settled) return LOST_AFTER_START
    return request.mayStillSend() ? undefined : LEASE_LOST
  }
  return {
    // The last moment before bytes are written: the connection stands, and what follows in undici is synchronous.
    onRequestStart: (controller) => {
      const obstacle = mayStart()
      if (obstacle === undefined) {
        state.started = true
        connection.beginRequest()
        // undici writes head and body in the turn that called us, and passes no word of it on to a handler of this form.
        queueMicrotask(() => {
          if (!state.settled) request.onWritten?.()
        })
        return
      }
      breakOff(() => failed(obstacle))
      controller.abort(new Error(obstacle.detail))
    },
    onResponseStart: (_controller, statusCode, headers) => {
      // 1xx are interim: the answer is still to come.
      if (statusCode < 200) return
      connection.endOfHead()
      response.start(statusCode, headers)
    },
    onResponseData: (_controller, chunk) => {
      if (!state.settled && !response.add(chunk)) {
        settle({ kind: 'answered', response: response.finish(true) })
      }
    },
    onResponseEnd: () => settle({ kind: 'answered', response: response.finish(false) }, true),
    onResponseError: (_controller, error) => {
      const { started } = state
      const heard = connection.wasHeard()
      const failure = classifyError(error, { secure: connection.secure, started, heard })
      const stale = started && failure.code === 'reset' && connection.wasReused() && !heard
      breakOff(() => failed(failure, stale))
    },
  }
}

const isWebUrl = (text: string): boolean =>
  URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol)

const failed = (failure: Failure, staleConnection = false): SendOutcome => ({
  kind: 'failed',
  ...failure,
  staleConnection,
})

const NOT_A_URL: Failure = {
  code: 'protocol',
  detail: 'this is not a URL of the web',
  permanent: false,
}

const LEASE_LOST: Failure = {
  code: 'timeout',
  detail: 'lease lost before sending',
  permanent: false,
}

const LOST_AFTER_START: Failure = {
  code: 'reset',
  detail: 'the connection was lost after the request began',
  permanent: false,
}

const timedOut = (started: boolean, timeoutMs: number): SendOutcome =>
  failed({
    code: 'timeout',
    detail: `no ${started ? 'response' : 'connection'} within ${timeoutMs} ms`,
    permanent: false,
  })
