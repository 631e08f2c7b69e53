// What the document says of the routes outside /api/v0 that programs ask. Pages for people (the dashboard, and `/` which
// leads to it) are no part of it.

import * as z from 'zod'
import type { RouteSpec } from './route.ts'

export const healthSpec = {
  method: 'get',
  path: '/healthz',
  scope: 'public',
  summary: 'Whether the process lives; it asks no store',
  tag: 'operation',
  responses: { 200: { description: 'it does', schema: z.object({ status: z.literal('ok') }) } },
  problems: [],
} as const satisfies RouteSpec

export const readySpec = {
  method: 'get',
  path: '/readyz',
  scope: 'public',
  summary: 'Whether it can accept: Postgres answers',
  description:
    'What is missing without the broker being unable to accept is named in `degraded`: `redis`, `workers`.',
  tag: 'operation',
  responses: {
    200: {
      description: 'it can',
      schema: z.object({
        status: z.enum(['ready', 'degraded']),
        degraded: z.array(z.string()),
      }),
    },
  },
  problems: ['log_unavailable'],
} as const satisfies RouteSpec

export const metricsSpec = {
  method: 'get',
  path: '/metrics',
  scope: 'public',
  summary: 'Metrics in the text format of Prometheus',
  description: 'On a host that is not loopback it takes a key of any scope, as the API does.',
  tag: 'operation',
  responses: {
    200: { description: 'the metrics', schema: z.string(), contentType: 'text/plain' },
  },
  problems: [],
} as const satisfies RouteSpec

export const documentSpec = {
  method: 'get',
  path: '/openapi.json',
  scope: 'public',
  summary: 'This document',
  tag: 'operation',
  responses: {
    200: {
      description: 'the document',
      schema: z.looseObject({ openapi: z.string() }),
    },
  },
  problems: [],
} as const satisfies RouteSpec

export const docsSpec = {
  method: 'get',
  path: '/docs',
  scope: 'public',
  summary: 'This document as a page',
  tag: 'operation',
  responses: {
    200: { description: 'the page', schema: z.string(), contentType: 'text/html' },
  },
  problems: [],
} as const satisfies RouteSpec
