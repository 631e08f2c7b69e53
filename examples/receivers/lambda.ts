// A receiver as a Lambda function behind an HTTP API or a function URL. API Gateway hands over the body as text, or as
// base64 where it takes it for binary: both are turned back into the bytes that came.

import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { verify, type Facts } from 'webhook-broker/verify'

/** @param handle what to do with an event; it may come twice, so let it drop a `messageId` that it has seen */
export const makeHandler =
  (secret: string | readonly string[], handle: (event: Facts) => Promise<void>) =>
  async (event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> => {
    const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8')
    const result = verify({ secret, headers: event.headers, body })
    if (!result.ok) return { statusCode: 401 }
    await handle(result)
    return { statusCode: 204 }
  }
