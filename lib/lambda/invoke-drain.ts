// Asks Lambda for a run of the drain. The SDK is that of the runtime: it is in no bundle, and it is loaded only by a
// function that has a drain to ask for.

import { BrokerError } from '../domain/errors.ts'
import type { InvokeDrain } from '../broker/ports.ts'

// One repeat: a process that was frozen finds a dead socket at its first request.
const MAX_ATTEMPTS = 2

/**
 * Loads the SDK. Region, credentials and endpoint are those of the environment, as the SDK itself reads them.
 *
 * @param functionName BROKER_DRAIN_FUNCTION: a name or an ARN
 * @throws what the import throws where there is no SDK
 */
export const makeInvokeDrain = async (functionName: string): Promise<InvokeDrain> => {
  const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda')
  const client = new LambdaClient({ maxAttempts: MAX_ATTEMPTS })
  const command = new InvokeCommand({ FunctionName: functionName, InvocationType: 'Event' })
  return async (abortSignal) => {
    try {
      await client.send(command, { abortSignal })
    } catch (cause) {
      throw new BrokerError('queue_unavailable', 'the drain could not be asked for', { cause })
    }
  }
}
