// One example of each named shape, for the OpenAPI document. A test holds them against the schemas.

const webhook = {
  id: 'wh_01k9m6tqwd8f3v4e0s5n2x7abc',
  eventName: 'upload_image',
  webhookUrl: 'https://thumbnails.example.com/hook',
  status: 'enabled',
  disabledReason: null,
  description: 'makes thumbnails',
  headers: { 'x-team': 'media' },
  timeoutMs: null,
  rateLimit: { limit: 100, perSeconds: 60 },
  maxInFlight: null,
  createdAt: '2026-01-31T12:00:00.000Z',
  updatedAt: '2026-01-31T12:00:00.000Z',
}

const delivery = {
  id: 'dlv_01k9m6v0e2q4m8r6c1t3y5zabc',
  messageId: 'msg_01k9m6v0dx7b9n5k2j4h6gfabc',
  webhookId: webhook.id,
  eventName: webhook.eventName,
  webhookUrl: webhook.webhookUrl,
  status: 'retrying',
  inFlight: false,
  attemptCount: 1,
  nextAttemptAt: '2026-01-31T12:05:06.120Z',
  waiting: { reason: 'backoff', until: '2026-01-31T12:05:06.120Z' },
  createdAt: '2026-01-31T12:05:00.000Z',
  firstDeliveredAt: null,
  finishedAt: null,
  deadReason: null,
}

const attempt = {
  number: 1,
  series: 1,
  startedAt: '2026-01-31T12:05:00.040Z',
  finishedAt: '2026-01-31T12:05:00.120Z',
  durationMs: 80,
  outcome: 'failed',
  code: 'http_status',
  statusCode: 503,
  responseHeaders: { 'content-type': 'text/plain' },
  responseBody: 'busy',
  detail: null,
}

const messageSummary = {
  id: delivery.messageId,
  eventName: webhook.eventName,
  contentType: 'application/json',
  size: 31,
  matched: 1,
  createdAt: delivery.createdAt,
}

const about = {
  webhookId: webhook.id,
  eventName: webhook.eventName,
  webhookUrl: webhook.webhookUrl,
}
const happened = '2026-01-31T13:05:00.120Z'
const health = { ...about, failingSince: '2026-01-31T13:03:21.480Z' }

const operationalEvents = {
  WebhookDisabledEvent: {
    type: 'broker.webhook.disabled',
    timestamp: happened,
    data: { ...about, reason: 'gone' },
  },
  WebhookFailingEvent: { type: 'broker.webhook.failing', timestamp: happened, data: health },
  WebhookRecoveredEvent: { type: 'broker.webhook.recovered', timestamp: happened, data: health },
  DeliveryDeadEvent: {
    type: 'broker.delivery.dead',
    timestamp: happened,
    data: {
      deliveryId: delivery.id,
      messageId: delivery.messageId,
      ...about,
      reason: 'schedule_exhausted',
      attempts: 11,
      lastAttempt: { code: 'http_status', statusCode: 503 },
    },
  },
}

const figures = {
  accepted: 120,
  delivered: 118,
  failed: 3,
  dead: 0,
  successRate: 0.9752,
  p50Ms: 48,
  p95Ms: 210,
}

/** By the name of the schema. */
export const EXAMPLES: Readonly<Record<string, unknown>> = {
  ChangedWebhook: {
    ...webhook,
    missed: { messages: 42, capped: false, filter: { webhookId: webhook.id, missed: true } },
  },
  ...operationalEvents,
  Webhook: webhook,
  WebhookWithSecret: {
    ...webhook,
    secret: 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=',
  },
  WebhookList: {
    webhooks: [webhook],
    total: 1,
    pageSize: 50,
    offset: 0,
    nextOffset: null,
    nextCursor: null,
  },
  Accepted: { messageId: delivery.messageId, eventName: webhook.eventName, deliveries: 1 },
  Delivery: delivery,
  Attempt: attempt,
  DeliveryWithAttempts: { ...delivery, attempts: [attempt] },
  DeliveryList: { deliveries: [delivery], nextCursor: null },
  ReplayCount: { dryRun: true, count: 1_200 },
  Replay: {
    id: 'rpl_01k9m7a1b2c3d4e5f6g7h8jabc',
    status: 'running',
    filter: { status: 'dead', eventName: webhook.eventName },
    dryRun: false,
    total: 1_200,
    replayed: 250,
    skipped: 0,
    createdAt: '2026-01-31T14:00:00.000Z',
    finishedAt: null,
  },
  Message: {
    id: delivery.messageId,
    eventName: webhook.eventName,
    contentType: 'application/json',
    size: 31,
    payload: '{"name":"cat.png","size":12345}',
    createdAt: delivery.createdAt,
    deliveries: [delivery],
  },
  MessageSummary: messageSummary,
  MessageList: { messages: [messageSummary], nextCursor: null },
  Audit: {
    balanced: true,
    days: [
      {
        day: '2026-01-31',
        messages: 3,
        matched: 5,
        delivered: 3,
        dead: 1,
        cancelled: 0,
        open: 1,
      },
    ],
  },
  Stats: {
    from: '2026-01-31T12:00:00.000Z',
    to: '2026-01-31T12:01:00.000Z',
    step: 60,
    totals: figures,
    open: { count: 2, capped: false, oldestDueAt: '2026-01-31T12:00:31.000Z' },
    buckets: [{ at: '2026-01-31T12:00:00.000Z', ...figures }],
    events: [{ eventName: webhook.eventName, ...figures }],
    webhooks: [
      {
        webhookId: webhook.id,
        eventName: webhook.eventName,
        webhookUrl: webhook.webhookUrl,
        status: webhook.status,
        ...figures,
      },
    ],
  },
  Problem: {
    type: 'urn:webhook-broker:problem:invalid_url',
    title: 'The webhook URL is not valid',
    status: 400,
    code: 'invalid_url',
    detail: 'the URL must begin with http:// or https://',
    errors: [{ field: 'webhookUrl', message: 'the URL must begin with http:// or https://' }],
    requestId: 'req_01k9m6tqwd8f3v4e0s5n2x7abc',
  },
}
