// The few commands that the routing table needs, so that one table works over a socket and over REST. Both clients
// must write identical bytes and answer with plain strings, numbers and lists of strings.

export type RedisCommand =
  | { kind: 'get'; key: string }
  | { kind: 'members'; key: string }
  | { kind: 'script'; script: string; keys: readonly string[]; args: readonly string[] }

/**
 * Sends commands in one round trip, in order. Other clients' commands may run in between; each script is one unit.
 *
 * @returns their replies, in order
 * @throws BrokerError `queue_unavailable` when Redis did not answer or any command failed
 */
export type SendCommands = (commands: readonly RedisCommand[]) => Promise<unknown[]>
