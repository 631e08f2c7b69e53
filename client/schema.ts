// Generated from the OpenAPI document by `npm run client:types`. Do not edit: change the route and run it again.

export type paths = {
  '/api/v0/webhooks': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * List webhooks
     * @description Oldest first, in a stable order (created, id). A cursor takes the place of the offset.
     */
    get: operations['getWebhooks']
    put?: never
    /**
     * Register a webhook
     * @description The same event and URL again, however the URL is spelled, is the same webhook: 200, without the secret.
     */
    post: operations['postWebhooks']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v0/webhooks/{eventName}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * List the webhooks of an event
     * @description Oldest first, in a stable order (created, id). A cursor takes the place of the offset.
     */
    get: operations['getWebhooksEventName']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v0/webhooks/{eventName}/{id}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Read a webhook */
    get: operations['getWebhooksEventNameId']
    put?: never
    post?: never
    /**
     * Remove a webhook
     * @description Its open deliveries become cancelled. Registering again makes a new webhook.
     */
    delete: operations['deleteWebhooksEventNameId']
    options?: never
    head?: never
    /**
     * Change a webhook
     * @description An absent field stays as it is. Enabling it also lets go what waited for it, and says what it missed.
     */
    patch: operations['patchWebhooksEventNameId']
    trace?: never
  }
  '/api/v0/webhooks/{eventName}/{id}/rotate-secret': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Rotate the secret
     * @description The old secret also signs for 24 hours.
     */
    post: operations['postWebhooksEventNameIdRotateSecret']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v0/webhooks/{eventName}/{id}/test': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /** Send a sample event to this webhook only */
    post: operations['postWebhooksEventNameIdTest']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v0/trigger-event/{eventName}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Trigger an event
     * @description The body is the payload: any JSON value, delivered byte for byte; no body stands for {}. With an Idempotency-Key a repeated trigger gets the first answer for 24 hours. 503 means: not known to be accepted, repeat with the same key.
     */
    post: operations['postTriggerEventEventName']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v0/deliveries': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * List deliveries
     * @description Newest first. Pages are stable while deliveries are added.
     */
    get: operations['getDeliveries']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v0/deliveries/{id}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Read a delivery with every attempt, and why it is not delivered yet */
    get: operations['getDeliveriesId']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v0/deliveries/{id}/replay': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Send a delivery again, whatever its status
     * @description A new series with the whole schedule before it; the webhook-id stays the same.
     */
    post: operations['postDeliveriesIdReplay']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v0/deliveries/{id}/cancel': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Stop a delivery
     * @description No further attempt is made; one on the wire ends, is recorded, and counts if it succeeds.
     */
    post: operations['postDeliveriesIdCancel']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v0/messages': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * List messages
     * @description What was triggered, newest first, also what matched nobody. Without payloads and deliveries: read a message for these. Pages are stable while messages are added.
     */
    get: operations['getMessages']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v0/replays': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /**
     * Send again every delivery that a filter matches
     * @description Every field narrows the filter; one at least is needed. Each delivery begins one new series under its webhook-id, at 500 a second; those in flight, or of a removed webhook, are skipped and counted. What is accepted later does not belong to it. `missed` with a `webhookId` makes the deliveries that were not made while the webhook was disabled. With `dryRun` nothing changes, and the answer says how many it would be.
     */
    post: operations['postReplays']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v0/replays/{id}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Read how far a replay is */
    get: operations['getReplaysId']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v0/messages/{id}': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Read a message with its deliveries */
    get: operations['getMessagesId']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v0/stats': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Read counts, success rate and receiver latency over time
     * @description The last hour when neither from nor to is given. Both ends are rounded outwards to whole steps (UTC). An attempt counts in the minute in which it ended.
     */
    get: operations['getStats']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v0/audit': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Check that nothing was lost
     * @description Per day (UTC): matched = delivered + dead + cancelled + open, counted by SQL alone.
     */
    get: operations['getAudit']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/healthz': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** Whether the process lives; it asks no store */
    get: operations['getHealthz']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/readyz': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Whether it can accept: Postgres answers
     * @description What is missing without the broker being unable to accept is named in `degraded`: `redis`, `workers`.
     */
    get: operations['getReadyz']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/metrics': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /**
     * Metrics in the text format of Prometheus
     * @description On a host that is not loopback it takes a key of any scope, as the API does.
     */
    get: operations['getMetrics']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/openapi.json': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** This document */
    get: operations['getOpenapiJson']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/docs': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    /** This document as a page */
    get: operations['getDocs']
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
}
export type webhooks = {
  'broker.webhook.disabled': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /** A webhook was disabled, by a person or by the broker. */
    post: operations['WebhookDisabledEvent']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  'broker.webhook.failing': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /** The breaker of a webhook opened: its deliveries wait, and one at a time tries again. */
    post: operations['WebhookFailingEvent']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  'broker.webhook.recovered': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /** The breaker of a webhook closed: what waited is being delivered. */
    post: operations['WebhookRecoveredEvent']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  'broker.delivery.dead': {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    get?: never
    put?: never
    /** A delivery will not be attempted again on its own; it can be replayed. */
    post: operations['DeliveryDeadEvent']
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
}
export type components = {
  schemas: {
    /**
     * @example {
     *       "messageId": "msg_01k9m6v0dx7b9n5k2j4h6gfabc",
     *       "eventName": "upload_image",
     *       "deliveries": 1
     *     }
     */
    Accepted: {
      /**
       * @description the id of the message
       * @example msg_01k9m6tqwd8f3v4e0s5n2x7abc
       */
      messageId: string
      eventName: string
      deliveries: number
      hint?: string
    }
    /**
     * @example {
     *       "type": "urn:webhook-broker:problem:invalid_url",
     *       "title": "The webhook URL is not valid",
     *       "status": 400,
     *       "code": "invalid_url",
     *       "detail": "the URL must begin with http:// or https://",
     *       "errors": [
     *         {
     *           "field": "webhookUrl",
     *           "message": "the URL must begin with http:// or https://"
     *         }
     *       ],
     *       "requestId": "req_01k9m6tqwd8f3v4e0s5n2x7abc"
     *     }
     */
    Problem: {
      type: string
      title: string
      status: number
      /** @description stable; see docs/errors.md */
      code: string
      detail: string
      errors: {
        field: string
        message: string
      }[]
      requestId: string
    }
    /**
     * @example {
     *       "id": "dlv_01k9m6v0e2q4m8r6c1t3y5zabc",
     *       "messageId": "msg_01k9m6v0dx7b9n5k2j4h6gfabc",
     *       "webhookId": "wh_01k9m6tqwd8f3v4e0s5n2x7abc",
     *       "eventName": "upload_image",
     *       "webhookUrl": "https://thumbnails.example.com/hook",
     *       "status": "retrying",
     *       "inFlight": false,
     *       "attemptCount": 1,
     *       "nextAttemptAt": "2026-01-31T12:05:06.120Z",
     *       "waiting": {
     *         "reason": "backoff",
     *         "until": "2026-01-31T12:05:06.120Z"
     *       },
     *       "createdAt": "2026-01-31T12:05:00.000Z",
     *       "firstDeliveredAt": null,
     *       "finishedAt": null,
     *       "deadReason": null
     *     }
     */
    Delivery: {
      /**
       * @description the id of the delivery
       * @example dlv_01k9m6tqwd8f3v4e0s5n2x7abc
       */
      id: string
      /**
       * @description the id of the message
       * @example msg_01k9m6tqwd8f3v4e0s5n2x7abc
       */
      messageId: string
      /**
       * @description the id of the webhook
       * @example wh_01k9m6tqwd8f3v4e0s5n2x7abc
       */
      webhookId: string
      eventName: string
      webhookUrl: string
      /** @enum {string} */
      status: 'pending' | 'retrying' | 'delivered' | 'dead' | 'cancelled'
      inFlight: boolean
      attemptCount: number
      nextAttemptAt: string | null
      /** @description why it is not delivered yet */
      waiting: {
        /** @enum {string} */
        reason:
          'backoff' | 'rate_limited' | 'breaker_open' | 'webhook_disabled' | 'in_flight' | 'queued'
        until: string | null
      } | null
      /** Format: date-time */
      createdAt: string
      firstDeliveredAt: string | null
      finishedAt: string | null
      deadReason: string | null
    }
    /**
     * @example {
     *       "number": 1,
     *       "series": 1,
     *       "startedAt": "2026-01-31T12:05:00.040Z",
     *       "finishedAt": "2026-01-31T12:05:00.120Z",
     *       "durationMs": 80,
     *       "outcome": "failed",
     *       "code": "http_status",
     *       "statusCode": 503,
     *       "responseHeaders": {
     *         "content-type": "text/plain"
     *       },
     *       "responseBody": "busy",
     *       "detail": null
     *     }
     */
    Attempt: {
      number: number
      series: number
      /** Format: date-time */
      startedAt: string
      finishedAt: string | null
      durationMs: number | null
      /** @enum {string} */
      outcome: 'succeeded' | 'failed' | 'unknown'
      code: string | null
      statusCode: number | null
      responseHeaders: {
        [key: string]: string
      } | null
      /** @description the first 8 KiB, as text */
      responseBody: string | null
      detail: string | null
    }
    /**
     * @example {
     *       "id": "dlv_01k9m6v0e2q4m8r6c1t3y5zabc",
     *       "messageId": "msg_01k9m6v0dx7b9n5k2j4h6gfabc",
     *       "webhookId": "wh_01k9m6tqwd8f3v4e0s5n2x7abc",
     *       "eventName": "upload_image",
     *       "webhookUrl": "https://thumbnails.example.com/hook",
     *       "status": "retrying",
     *       "inFlight": false,
     *       "attemptCount": 1,
     *       "nextAttemptAt": "2026-01-31T12:05:06.120Z",
     *       "waiting": {
     *         "reason": "backoff",
     *         "until": "2026-01-31T12:05:06.120Z"
     *       },
     *       "createdAt": "2026-01-31T12:05:00.000Z",
     *       "firstDeliveredAt": null,
     *       "finishedAt": null,
     *       "deadReason": null,
     *       "attempts": [
     *         {
     *           "number": 1,
     *           "series": 1,
     *           "startedAt": "2026-01-31T12:05:00.040Z",
     *           "finishedAt": "2026-01-31T12:05:00.120Z",
     *           "durationMs": 80,
     *           "outcome": "failed",
     *           "code": "http_status",
     *           "statusCode": 503,
     *           "responseHeaders": {
     *             "content-type": "text/plain"
     *           },
     *           "responseBody": "busy",
     *           "detail": null
     *         }
     *       ]
     *     }
     */
    DeliveryWithAttempts: {
      /**
       * @description the id of the delivery
       * @example dlv_01k9m6tqwd8f3v4e0s5n2x7abc
       */
      id: string
      /**
       * @description the id of the message
       * @example msg_01k9m6tqwd8f3v4e0s5n2x7abc
       */
      messageId: string
      /**
       * @description the id of the webhook
       * @example wh_01k9m6tqwd8f3v4e0s5n2x7abc
       */
      webhookId: string
      eventName: string
      webhookUrl: string
      /** @enum {string} */
      status: 'pending' | 'retrying' | 'delivered' | 'dead' | 'cancelled'
      inFlight: boolean
      attemptCount: number
      nextAttemptAt: string | null
      /** @description why it is not delivered yet */
      waiting: {
        /** @enum {string} */
        reason:
          'backoff' | 'rate_limited' | 'breaker_open' | 'webhook_disabled' | 'in_flight' | 'queued'
        until: string | null
      } | null
      /** Format: date-time */
      createdAt: string
      firstDeliveredAt: string | null
      finishedAt: string | null
      deadReason: string | null
      attempts: components['schemas']['Attempt'][]
    }
    /**
     * @example {
     *       "deliveries": [
     *         {
     *           "id": "dlv_01k9m6v0e2q4m8r6c1t3y5zabc",
     *           "messageId": "msg_01k9m6v0dx7b9n5k2j4h6gfabc",
     *           "webhookId": "wh_01k9m6tqwd8f3v4e0s5n2x7abc",
     *           "eventName": "upload_image",
     *           "webhookUrl": "https://thumbnails.example.com/hook",
     *           "status": "retrying",
     *           "inFlight": false,
     *           "attemptCount": 1,
     *           "nextAttemptAt": "2026-01-31T12:05:06.120Z",
     *           "waiting": {
     *             "reason": "backoff",
     *             "until": "2026-01-31T12:05:06.120Z"
     *           },
     *           "createdAt": "2026-01-31T12:05:00.000Z",
     *           "firstDeliveredAt": null,
     *           "finishedAt": null,
     *           "deadReason": null
     *         }
     *       ],
     *       "nextCursor": null
     *     }
     */
    DeliveryList: {
      deliveries: components['schemas']['Delivery'][]
      nextCursor: string | null
    }
    /**
     * @example {
     *       "id": "msg_01k9m6v0dx7b9n5k2j4h6gfabc",
     *       "eventName": "upload_image",
     *       "contentType": "application/json",
     *       "size": 31,
     *       "payload": "{\"name\":\"cat.png\",\"size\":12345}",
     *       "createdAt": "2026-01-31T12:05:00.000Z",
     *       "deliveries": [
     *         {
     *           "id": "dlv_01k9m6v0e2q4m8r6c1t3y5zabc",
     *           "messageId": "msg_01k9m6v0dx7b9n5k2j4h6gfabc",
     *           "webhookId": "wh_01k9m6tqwd8f3v4e0s5n2x7abc",
     *           "eventName": "upload_image",
     *           "webhookUrl": "https://thumbnails.example.com/hook",
     *           "status": "retrying",
     *           "inFlight": false,
     *           "attemptCount": 1,
     *           "nextAttemptAt": "2026-01-31T12:05:06.120Z",
     *           "waiting": {
     *             "reason": "backoff",
     *             "until": "2026-01-31T12:05:06.120Z"
     *           },
     *           "createdAt": "2026-01-31T12:05:00.000Z",
     *           "firstDeliveredAt": null,
     *           "finishedAt": null,
     *           "deadReason": null
     *         }
     *       ]
     *     }
     */
    Message: {
      /**
       * @description the id of the message
       * @example msg_01k9m6tqwd8f3v4e0s5n2x7abc
       */
      id: string
      eventName: string
      contentType: string
      /** @description bytes */
      size: number
      /** @description as it was triggered */
      payload: string
      /** Format: date-time */
      createdAt: string
      deliveries: components['schemas']['Delivery'][]
    }
    /**
     * @example {
     *       "id": "msg_01k9m6v0dx7b9n5k2j4h6gfabc",
     *       "eventName": "upload_image",
     *       "contentType": "application/json",
     *       "size": 31,
     *       "matched": 1,
     *       "createdAt": "2026-01-31T12:05:00.000Z"
     *     }
     */
    MessageSummary: {
      /**
       * @description the id of the message
       * @example msg_01k9m6tqwd8f3v4e0s5n2x7abc
       */
      id: string
      eventName: string
      contentType: string
      /** @description bytes */
      size: number
      /** @description deliveries made with it; 0: it matched nobody */
      matched: number
      /** Format: date-time */
      createdAt: string
    }
    /**
     * @example {
     *       "messages": [
     *         {
     *           "id": "msg_01k9m6v0dx7b9n5k2j4h6gfabc",
     *           "eventName": "upload_image",
     *           "contentType": "application/json",
     *           "size": 31,
     *           "matched": 1,
     *           "createdAt": "2026-01-31T12:05:00.000Z"
     *         }
     *       ],
     *       "nextCursor": null
     *     }
     */
    MessageList: {
      messages: components['schemas']['MessageSummary'][]
      nextCursor: string | null
    }
    /**
     * @example {
     *       "balanced": true,
     *       "days": [
     *         {
     *           "day": "2026-01-31",
     *           "messages": 3,
     *           "matched": 5,
     *           "delivered": 3,
     *           "dead": 1,
     *           "cancelled": 0,
     *           "open": 1
     *         }
     *       ]
     *     }
     */
    Audit: {
      balanced: boolean
      days: {
        /** Format: date */
        day: string
        messages: number
        matched: number
        delivered: number
        dead: number
        cancelled: number
        open: number
      }[]
    }
    /**
     * @example {
     *       "id": "wh_01k9m6tqwd8f3v4e0s5n2x7abc",
     *       "eventName": "upload_image",
     *       "webhookUrl": "https://thumbnails.example.com/hook",
     *       "status": "enabled",
     *       "disabledReason": null,
     *       "description": "makes thumbnails",
     *       "headers": {
     *         "x-team": "media"
     *       },
     *       "timeoutMs": null,
     *       "rateLimit": {
     *         "limit": 100,
     *         "perSeconds": 60
     *       },
     *       "maxInFlight": null,
     *       "createdAt": "2026-01-31T12:00:00.000Z",
     *       "updatedAt": "2026-01-31T12:00:00.000Z"
     *     }
     */
    Webhook: {
      /**
       * @description the id of the webhook
       * @example wh_01k9m6tqwd8f3v4e0s5n2x7abc
       */
      id: string
      eventName: string
      webhookUrl: string
      /** @enum {string} */
      status: 'enabled' | 'disabled'
      disabledReason: ('manual' | 'gone' | 'failing') | null
      description: string | null
      headers: {
        [key: string]: string
      }
      timeoutMs: number | null
      rateLimit: {
        limit: number
        perSeconds: number
      } | null
      maxInFlight: number | null
      /** Format: date-time */
      createdAt: string
      /** Format: date-time */
      updatedAt: string
    }
    /**
     * @example {
     *       "id": "wh_01k9m6tqwd8f3v4e0s5n2x7abc",
     *       "eventName": "upload_image",
     *       "webhookUrl": "https://thumbnails.example.com/hook",
     *       "status": "enabled",
     *       "disabledReason": null,
     *       "description": "makes thumbnails",
     *       "headers": {
     *         "x-team": "media"
     *       },
     *       "timeoutMs": null,
     *       "rateLimit": {
     *         "limit": 100,
     *         "perSeconds": 60
     *       },
     *       "maxInFlight": null,
     *       "createdAt": "2026-01-31T12:00:00.000Z",
     *       "updatedAt": "2026-01-31T12:00:00.000Z",
     *       "missed": {
     *         "messages": 42,
     *         "capped": false,
     *         "filter": {
     *           "webhookId": "wh_01k9m6tqwd8f3v4e0s5n2x7abc",
     *           "missed": true
     *         }
     *       }
     *     }
     */
    ChangedWebhook: {
      /**
       * @description the id of the webhook
       * @example wh_01k9m6tqwd8f3v4e0s5n2x7abc
       */
      id: string
      eventName: string
      webhookUrl: string
      /** @enum {string} */
      status: 'enabled' | 'disabled'
      disabledReason: ('manual' | 'gone' | 'failing') | null
      description: string | null
      headers: {
        [key: string]: string
      }
      timeoutMs: number | null
      rateLimit: {
        limit: number
        perSeconds: number
      } | null
      maxInFlight: number | null
      /** Format: date-time */
      createdAt: string
      /** Format: date-time */
      updatedAt: string
      /** @description after it was enabled, if it missed anything: POST /replays with this filter sends it */
      missed?: {
        messages: number
        /** @description counting stopped: there may be more */
        capped: boolean
        filter: {
          webhookId: string
          /** @constant */
          missed: true
        }
      }
    }
    /**
     * @example {
     *       "id": "wh_01k9m6tqwd8f3v4e0s5n2x7abc",
     *       "eventName": "upload_image",
     *       "webhookUrl": "https://thumbnails.example.com/hook",
     *       "status": "enabled",
     *       "disabledReason": null,
     *       "description": "makes thumbnails",
     *       "headers": {
     *         "x-team": "media"
     *       },
     *       "timeoutMs": null,
     *       "rateLimit": {
     *         "limit": 100,
     *         "perSeconds": 60
     *       },
     *       "maxInFlight": null,
     *       "createdAt": "2026-01-31T12:00:00.000Z",
     *       "updatedAt": "2026-01-31T12:00:00.000Z",
     *       "secret": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
     *     }
     */
    WebhookWithSecret: {
      /**
       * @description the id of the webhook
       * @example wh_01k9m6tqwd8f3v4e0s5n2x7abc
       */
      id: string
      eventName: string
      webhookUrl: string
      /** @enum {string} */
      status: 'enabled' | 'disabled'
      disabledReason: ('manual' | 'gone' | 'failing') | null
      description: string | null
      headers: {
        [key: string]: string
      }
      timeoutMs: number | null
      rateLimit: {
        limit: number
        perSeconds: number
      } | null
      maxInFlight: number | null
      /** Format: date-time */
      createdAt: string
      /** Format: date-time */
      updatedAt: string
      /** @description shown this once */
      secret: string
    }
    /**
     * @example {
     *       "webhooks": [
     *         {
     *           "id": "wh_01k9m6tqwd8f3v4e0s5n2x7abc",
     *           "eventName": "upload_image",
     *           "webhookUrl": "https://thumbnails.example.com/hook",
     *           "status": "enabled",
     *           "disabledReason": null,
     *           "description": "makes thumbnails",
     *           "headers": {
     *             "x-team": "media"
     *           },
     *           "timeoutMs": null,
     *           "rateLimit": {
     *             "limit": 100,
     *             "perSeconds": 60
     *           },
     *           "maxInFlight": null,
     *           "createdAt": "2026-01-31T12:00:00.000Z",
     *           "updatedAt": "2026-01-31T12:00:00.000Z"
     *         }
     *       ],
     *       "total": 1,
     *       "pageSize": 50,
     *       "offset": 0,
     *       "nextOffset": null,
     *       "nextCursor": null
     *     }
     */
    WebhookList: {
      webhooks: components['schemas']['Webhook'][]
      total: number
      pageSize: number
      offset: number
      nextOffset: number | null
      nextCursor: string | null
    }
    /**
     * @example {
     *       "from": "2026-01-31T12:00:00.000Z",
     *       "to": "2026-01-31T12:01:00.000Z",
     *       "step": 60,
     *       "totals": {
     *         "accepted": 120,
     *         "delivered": 118,
     *         "failed": 3,
     *         "dead": 0,
     *         "successRate": 0.9752,
     *         "p50Ms": 48,
     *         "p95Ms": 210
     *       },
     *       "open": {
     *         "count": 2,
     *         "capped": false,
     *         "oldestDueAt": "2026-01-31T12:00:31.000Z"
     *       },
     *       "buckets": [
     *         {
     *           "at": "2026-01-31T12:00:00.000Z",
     *           "accepted": 120,
     *           "delivered": 118,
     *           "failed": 3,
     *           "dead": 0,
     *           "successRate": 0.9752,
     *           "p50Ms": 48,
     *           "p95Ms": 210
     *         }
     *       ],
     *       "events": [
     *         {
     *           "eventName": "upload_image",
     *           "accepted": 120,
     *           "delivered": 118,
     *           "failed": 3,
     *           "dead": 0,
     *           "successRate": 0.9752,
     *           "p50Ms": 48,
     *           "p95Ms": 210
     *         }
     *       ],
     *       "webhooks": [
     *         {
     *           "webhookId": "wh_01k9m6tqwd8f3v4e0s5n2x7abc",
     *           "eventName": "upload_image",
     *           "webhookUrl": "https://thumbnails.example.com/hook",
     *           "status": "enabled",
     *           "accepted": 120,
     *           "delivered": 118,
     *           "failed": 3,
     *           "dead": 0,
     *           "successRate": 0.9752,
     *           "p50Ms": 48,
     *           "p95Ms": 210
     *         }
     *       ]
     *     }
     */
    Stats: {
      /**
       * Format: date-time
       * @description rounded down to a whole step
       */
      from: string
      /**
       * Format: date-time
       * @description rounded up to a whole step
       */
      to: string
      /** @description seconds */
      step: number
      totals: {
        /** @description deliveries made */
        accepted: number
        /** @description attempts answered with 2xx; a replay that succeeds counts again */
        delivered: number
        /** @description attempts that failed */
        failed: number
        /** @description deliveries that ended without a 2xx */
        dead: number
        /** @description delivered of all attempts that ended, 0 to 1; null when none did */
        successRate: number | null
        /** @description receiver latency, from a histogram: right to a fifth */
        p50Ms: number | null
        p95Ms: number | null
      }
      /** @description open deliveries now, whatever the window */
      open: {
        count: number
        /** @description there are more: counting stops at 100,000 */
        capped: boolean
        /** @description since when the longest waiting one has been due */
        oldestDueAt: string | null
      }
      /** @description one per step, oldest first, also where nothing happened */
      buckets: {
        /** Format: date-time */
        at: string
        /** @description deliveries made */
        accepted: number
        /** @description attempts answered with 2xx; a replay that succeeds counts again */
        delivered: number
        /** @description attempts that failed */
        failed: number
        /** @description deliveries that ended without a 2xx */
        dead: number
        /** @description delivered of all attempts that ended, 0 to 1; null when none did */
        successRate: number | null
        /** @description receiver latency, from a histogram: right to a fifth */
        p50Ms: number | null
        p95Ms: number | null
      }[]
      /** @description at most 200, most failed first */
      events: {
        eventName: string
        /** @description deliveries made */
        accepted: number
        /** @description attempts answered with 2xx; a replay that succeeds counts again */
        delivered: number
        /** @description attempts that failed */
        failed: number
        /** @description deliveries that ended without a 2xx */
        dead: number
        /** @description delivered of all attempts that ended, 0 to 1; null when none did */
        successRate: number | null
        /** @description receiver latency, from a histogram: right to a fifth */
        p50Ms: number | null
        p95Ms: number | null
      }[]
      /** @description at most 200, most failed first */
      webhooks: {
        webhookId: string
        eventName: string
        webhookUrl: string
        /** @enum {string} */
        status: 'enabled' | 'disabled'
        /** @description deliveries made */
        accepted: number
        /** @description attempts answered with 2xx; a replay that succeeds counts again */
        delivered: number
        /** @description attempts that failed */
        failed: number
        /** @description deliveries that ended without a 2xx */
        dead: number
        /** @description delivered of all attempts that ended, 0 to 1; null when none did */
        successRate: number | null
        /** @description receiver latency, from a histogram: right to a fifth */
        p50Ms: number | null
        p95Ms: number | null
      }[]
    }
    /**
     * @example {
     *       "dryRun": true,
     *       "count": 1200
     *     }
     */
    ReplayCount: {
      /** @constant */
      dryRun: true
      count: number
    }
    /**
     * @example {
     *       "id": "rpl_01k9m7a1b2c3d4e5f6g7h8jabc",
     *       "status": "running",
     *       "filter": {
     *         "status": "dead",
     *         "eventName": "upload_image"
     *       },
     *       "dryRun": false,
     *       "total": 1200,
     *       "replayed": 250,
     *       "skipped": 0,
     *       "createdAt": "2026-01-31T14:00:00.000Z",
     *       "finishedAt": null
     *     }
     */
    Replay: {
      /** @example rpl_01k9m6tqwd8f3v4e0s5n2x7abc */
      id: string
      /** @enum {string} */
      status: 'running' | 'finished'
      filter: {
        ids?: string[]
        /** @enum {string} */
        status?: 'pending' | 'retrying' | 'delivered' | 'dead' | 'cancelled'
        eventName?: string
        /** @example wh_01k9m6tqwd8f3v4e0s5n2x7abc */
        webhookId?: string
        /** @example msg_01k9m6tqwd8f3v4e0s5n2x7abc */
        messageId?: string
        /**
         * Format: date-time
         * @description created at this time or later
         */
        from?: string
        /**
         * Format: date-time
         * @description created before this time
         */
        to?: string
        /**
         * @description what the webhook missed while it was disabled; needs webhookId
         * @constant
         */
        missed?: true
      }
      /** @constant */
      dryRun: false
      /** @description what the filter matched when it was started */
      total: number
      replayed: number
      /** @description were in flight, or their webhook is removed: left as they were */
      skipped: number
      /** Format: date-time */
      createdAt: string
      finishedAt: string | null
    }
    /**
     * @description A webhook was disabled, by a person or by the broker.
     * @example {
     *       "type": "broker.webhook.disabled",
     *       "timestamp": "2026-01-31T13:05:00.120Z",
     *       "data": {
     *         "webhookId": "wh_01k9m6tqwd8f3v4e0s5n2x7abc",
     *         "eventName": "upload_image",
     *         "webhookUrl": "https://thumbnails.example.com/hook",
     *         "reason": "gone"
     *       }
     *     }
     */
    WebhookDisabledEvent: {
      /** @constant */
      type: 'broker.webhook.disabled'
      /**
       * Format: date-time
       * @description when it happened
       */
      timestamp: string
      data: {
        webhookId: string
        /** @description what the webhook is registered for */
        eventName: string
        /** @description without its query */
        webhookUrl: string
        /**
         * @description a person disabled it; its receiver answered 410; it failed for five days
         * @enum {string}
         */
        reason: 'manual' | 'gone' | 'failing'
      }
    }
    /**
     * @description The breaker of a webhook opened: its deliveries wait, and one at a time tries again.
     * @example {
     *       "type": "broker.webhook.failing",
     *       "timestamp": "2026-01-31T13:05:00.120Z",
     *       "data": {
     *         "webhookId": "wh_01k9m6tqwd8f3v4e0s5n2x7abc",
     *         "eventName": "upload_image",
     *         "webhookUrl": "https://thumbnails.example.com/hook",
     *         "failingSince": "2026-01-31T13:03:21.480Z"
     *       }
     *     }
     */
    WebhookFailingEvent: {
      /** @constant */
      type: 'broker.webhook.failing'
      /**
       * Format: date-time
       * @description when it happened
       */
      timestamp: string
      data: {
        webhookId: string
        /** @description what the webhook is registered for */
        eventName: string
        /** @description without its query */
        webhookUrl: string
        /**
         * Format: date-time
         * @description since when there was no success
         */
        failingSince: string
      }
    }
    /**
     * @description The breaker of a webhook closed: what waited is being delivered.
     * @example {
     *       "type": "broker.webhook.recovered",
     *       "timestamp": "2026-01-31T13:05:00.120Z",
     *       "data": {
     *         "webhookId": "wh_01k9m6tqwd8f3v4e0s5n2x7abc",
     *         "eventName": "upload_image",
     *         "webhookUrl": "https://thumbnails.example.com/hook",
     *         "failingSince": "2026-01-31T13:03:21.480Z"
     *       }
     *     }
     */
    WebhookRecoveredEvent: {
      /** @constant */
      type: 'broker.webhook.recovered'
      /**
       * Format: date-time
       * @description when it happened
       */
      timestamp: string
      data: {
        webhookId: string
        /** @description what the webhook is registered for */
        eventName: string
        /** @description without its query */
        webhookUrl: string
        /**
         * Format: date-time
         * @description since when there was no success
         */
        failingSince: string
      }
    }
    /**
     * @description A delivery will not be attempted again on its own; it can be replayed.
     * @example {
     *       "type": "broker.delivery.dead",
     *       "timestamp": "2026-01-31T13:05:00.120Z",
     *       "data": {
     *         "deliveryId": "dlv_01k9m6v0e2q4m8r6c1t3y5zabc",
     *         "messageId": "msg_01k9m6v0dx7b9n5k2j4h6gfabc",
     *         "webhookId": "wh_01k9m6tqwd8f3v4e0s5n2x7abc",
     *         "eventName": "upload_image",
     *         "webhookUrl": "https://thumbnails.example.com/hook",
     *         "reason": "schedule_exhausted",
     *         "attempts": 11,
     *         "lastAttempt": {
     *           "code": "http_status",
     *           "statusCode": 503
     *         }
     *       }
     *     }
     */
    DeliveryDeadEvent: {
      /** @constant */
      type: 'broker.delivery.dead'
      /**
       * Format: date-time
       * @description when it happened
       */
      timestamp: string
      data: {
        deliveryId: string
        messageId: string
        webhookId: string
        /** @description what the webhook is registered for */
        eventName: string
        /** @description without its query */
        webhookUrl: string
        /** @enum {string} */
        reason: 'schedule_exhausted' | 'gone' | 'blocked_address' | 'crash_budget'
        /** @description all of the delivery, replays included */
        attempts: number
        lastAttempt: {
          /** @description null when nobody recorded how it ended */
          code: string | null
          statusCode: number | null
        }
      }
    }
  }
  responses: never
  parameters: never
  requestBodies: never
  headers: never
  pathItems: never
}
export type $defs = Record<string, never>
export interface operations {
  getWebhooks: {
    parameters: {
      query?: {
        page_size?: number
        offset?: number
        cursor?: string
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description a page */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['WebhookList']
        }
      }
      /** @description invalid_request */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  postWebhooks: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        /**
         * @example {
         *       "eventName": "upload_image",
         *       "webhookUrl": "http://127.0.0.1:4000/hook"
         *     }
         */
        'application/json': {
          /** @example upload_image */
          eventName: string
          /** @description http:// or https://, at most 2048 characters */
          webhookUrl: string
          description?: string | null
          /** @description sent with every attempt; never override ours */
          headers?: {
            [key: string]: string
          }
          timeoutMs?: number | null
          rateLimit?: {
            limit: number
            perSeconds: number
          } | null
          maxInFlight?: number | null
          /** @description whsec_ and base64 of 24 to 64 bytes; made when absent */
          secret?: string
        }
      }
    }
    responses: {
      /** @description it was registered before */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Webhook']
        }
      }
      /** @description registered; the secret is shown this once */
      201: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['WebhookWithSecret']
        }
      }
      /** @description invalid_encoding, invalid_request, invalid_json, invalid_event_name, invalid_url, forbidden_address */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description payload_too_large */
      413: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unsupported_media_type */
      415: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getWebhooksEventName: {
    parameters: {
      query?: {
        page_size?: number
        offset?: number
        cursor?: string
      }
      header?: never
      path: {
        /** @example upload_image */
        eventName: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description a page */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['WebhookList']
        }
      }
      /** @description invalid_encoding, invalid_request, invalid_event_name */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getWebhooksEventNameId: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @example upload_image */
        eventName: string
        /** @example wh_01k9m6tqwd8f3v4e0s5n2x7abc */
        id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description the webhook */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Webhook']
        }
      }
      /** @description invalid_encoding, invalid_event_name */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description not_found */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  deleteWebhooksEventNameId: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @example upload_image */
        eventName: string
        /** @example wh_01k9m6tqwd8f3v4e0s5n2x7abc */
        id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description removed */
      204: {
        headers: {
          [name: string]: unknown
        }
        content?: never
      }
      /** @description invalid_encoding, invalid_event_name */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description not_found */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  patchWebhooksEventNameId: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @example upload_image */
        eventName: string
        /** @example wh_01k9m6tqwd8f3v4e0s5n2x7abc */
        id: string
      }
      cookie?: never
    }
    requestBody: {
      content: {
        /**
         * @example {
         *       "status": "disabled"
         *     }
         */
        'application/json': {
          /** @enum {string} */
          status?: 'enabled' | 'disabled'
          description?: string | null
          headers?: {
            [key: string]: string
          }
          timeoutMs?: number | null
          rateLimit?: {
            limit: number
            perSeconds: number
          } | null
          maxInFlight?: number | null
        }
      }
    }
    responses: {
      /** @description the webhook as it is now */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['ChangedWebhook']
        }
      }
      /** @description invalid_encoding, invalid_event_name, invalid_request, invalid_json */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description not_found */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description payload_too_large */
      413: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unsupported_media_type */
      415: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  postWebhooksEventNameIdRotateSecret: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @example upload_image */
        eventName: string
        /** @example wh_01k9m6tqwd8f3v4e0s5n2x7abc */
        id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description the new secret, shown this once */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['WebhookWithSecret']
        }
      }
      /** @description invalid_encoding, invalid_event_name */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description not_found */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  postWebhooksEventNameIdTest: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @example upload_image */
        eventName: string
        /** @example wh_01k9m6tqwd8f3v4e0s5n2x7abc */
        id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description accepted */
      202: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Accepted']
        }
      }
      /** @description invalid_encoding, invalid_event_name */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description not_found */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description conflict */
      409: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  postTriggerEventEventName: {
    parameters: {
      query?: never
      header?: {
        'Idempotency-Key'?: string
        traceparent?: string
      }
      path: {
        /** @example upload_image */
        eventName: string
      }
      cookie?: never
    }
    /** @description any JSON value */
    requestBody?: {
      content: {
        /**
         * @example {
         *       "name": "cat.png",
         *       "size": 12345
         *     }
         */
        'application/json': unknown
      }
    }
    responses: {
      /** @description accepted */
      202: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Accepted']
        }
      }
      /** @description invalid_encoding, invalid_event_name, reserved_event_name, invalid_json, invalid_idempotency_key */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description payload_too_large */
      413: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unsupported_media_type */
      415: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description idempotency_key_reused */
      422: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getDeliveries: {
    parameters: {
      query?: {
        status?: 'pending' | 'retrying' | 'delivered' | 'dead' | 'cancelled'
        eventName?: string
        webhookId?: string
        messageId?: string
        from?: string
        to?: string
        page_size?: number
        cursor?: string
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description a page */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['DeliveryList']
        }
      }
      /** @description invalid_request */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getDeliveriesId: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @example dlv_01k9m6v0e2q4m8r6c1t3y5zabc */
        id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description the delivery */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['DeliveryWithAttempts']
        }
      }
      /** @description invalid_encoding */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description not_found */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  postDeliveriesIdReplay: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @example dlv_01k9m6v0e2q4m8r6c1t3y5zabc */
        id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description due now */
      202: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Delivery']
        }
      }
      /** @description invalid_encoding */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description not_found */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description delivery_in_flight */
      409: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  postDeliveriesIdCancel: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @example dlv_01k9m6v0e2q4m8r6c1t3y5zabc */
        id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description cancelled */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Delivery']
        }
      }
      /** @description invalid_encoding */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description not_found */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description conflict */
      409: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getMessages: {
    parameters: {
      query?: {
        eventName?: string
        from?: string
        to?: string
        page_size?: number
        cursor?: string
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description a page */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['MessageList']
        }
      }
      /** @description invalid_request */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  postReplays: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        /**
         * @example {
         *       "filter": {
         *         "status": "dead",
         *         "eventName": "upload_image"
         *       }
         *     }
         */
        'application/json': {
          /** @description at least one field */
          filter: {
            ids?: string[]
            /** @enum {string} */
            status?: 'pending' | 'retrying' | 'delivered' | 'dead' | 'cancelled'
            eventName?: string
            /** @example wh_01k9m6tqwd8f3v4e0s5n2x7abc */
            webhookId?: string
            /** @example msg_01k9m6tqwd8f3v4e0s5n2x7abc */
            messageId?: string
            /**
             * Format: date-time
             * @description created at this time or later
             */
            from?: string
            /**
             * Format: date-time
             * @description created before this time
             */
            to?: string
            /**
             * @description what the webhook missed while it was disabled; needs webhookId
             * @constant
             */
            missed?: true
          }
          dryRun?: boolean
        }
      }
    }
    responses: {
      /** @description with `dryRun`: how many it would be */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['ReplayCount']
        }
      }
      /** @description started */
      202: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Replay']
        }
      }
      /** @description invalid_encoding, invalid_request, invalid_json */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description not_found */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description payload_too_large */
      413: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unsupported_media_type */
      415: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getReplaysId: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @example rpl_01k9m7a1b2c3d4e5f6g7h8jabc */
        id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description the replay */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Replay']
        }
      }
      /** @description invalid_encoding */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description not_found */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getMessagesId: {
    parameters: {
      query?: never
      header?: never
      path: {
        /** @example msg_01k9m6v0dx7b9n5k2j4h6gfabc */
        id: string
      }
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description the message */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Message']
        }
      }
      /** @description invalid_encoding */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description not_found */
      404: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getStats: {
    parameters: {
      query?: {
        eventName?: string
        webhookId?: string
        from?: string
        to?: string
        step?: number
      }
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description the figures */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Stats']
        }
      }
      /** @description invalid_request */
      400: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getAudit: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description the balance */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': components['schemas']['Audit']
        }
      }
      /** @description unauthorized */
      401: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description forbidden */
      403: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getHealthz: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description it does */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @constant */
            status: 'ok'
          }
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getReadyz: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description it can */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            /** @enum {string} */
            status: 'ready' | 'degraded'
            degraded: string[]
          }
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
      /** @description log_unavailable */
      503: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getMetrics: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description the metrics */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'text/plain': string
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getOpenapiJson: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description the document */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/json': {
            openapi: string
          } & {
            [key: string]: unknown
          }
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  getDocs: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody?: never
    responses: {
      /** @description the page */
      200: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'text/html': string
        }
      }
      /** @description internal_error */
      500: {
        headers: {
          [name: string]: unknown
        }
        content: {
          'application/problem+json': components['schemas']['Problem']
        }
      }
    }
  }
  WebhookDisabledEvent: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['WebhookDisabledEvent']
      }
    }
    responses: {
      /** @description delivered */
      '2XX': {
        headers: {
          [name: string]: unknown
        }
        content?: never
      }
    }
  }
  WebhookFailingEvent: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['WebhookFailingEvent']
      }
    }
    responses: {
      /** @description delivered */
      '2XX': {
        headers: {
          [name: string]: unknown
        }
        content?: never
      }
    }
  }
  WebhookRecoveredEvent: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['WebhookRecoveredEvent']
      }
    }
    responses: {
      /** @description delivered */
      '2XX': {
        headers: {
          [name: string]: unknown
        }
        content?: never
      }
    }
  }
  DeliveryDeadEvent: {
    parameters: {
      query?: never
      header?: never
      path?: never
      cookie?: never
    }
    requestBody: {
      content: {
        'application/json': components['schemas']['DeliveryDeadEvent']
      }
    }
    responses: {
      /** @description delivered */
      '2XX': {
        headers: {
          [name: string]: unknown
        }
        content?: never
      }
    }
  }
}
