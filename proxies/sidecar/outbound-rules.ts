import { randomUUID } from 'node:crypto'
import type { Exchange } from '../http/exchange.ts'
import { dropSet, fieldId } from '../http/field-names.ts'
import { fieldValue, type RequestHead } from '../http/head.ts'
import { OUTBOUND_RETRY } from '../http/retry.ts'
import type { HttpRules } from '../http/rules.ts'
import type { ServiceCluster } from '../http/service-clusters.ts'
import type { RequestSeries } from '../telemetry/request-metrics.ts'

export interface OutboundRulesOptions {
  readonly cluster: ServiceCluster
  /** Our own `x-envoy-peer-metadata` lines. */
  readonly metadata: string
  /** Requests that no endpoint was found for. */
  readonly unrouted: RequestSeries
}

const REQUEST_DROP = dropSet(
  // Envoy sanitises: only the next inbound may say which client this is.
  'x-forwarded-client-cert',
  'x-envoy-attempt-count',
  'x-envoy-peer-metadata',
  'x-envoy-peer-metadata-id',
)
const RESPONSE_DROP = dropSet(
  'server',
  'x-envoy-upstream-service-time',
  'x-envoy-peer-metadata',
  'x-envoy-peer-metadata-id',
)
const REQUEST_ID = fieldId('x-request-id')
const FORWARDED_PROTO = fieldId('x-forwarded-proto')

/** What a sidecar does to its application's own requests. */
export function outboundRules(options: OutboundRulesOptions): HttpRules {
  const { cluster, metadata, unrouted } = options
  const route = { cluster }
  return {
    serverName: 'envoy',
    retry: OUTBOUND_RETRY,
    countAttempts: true,
    requestDrop: REQUEST_DROP,
    responseDrop: RESPONSE_DROP,
    route: () => route,
    requestFields: (request) => requestIdentity(request, 'http') + metadata,
    responseFields: (exchange) => responseIdentity('envoy', exchange),
    record: (exchange) =>
      (exchange.target?.series ?? unrouted).record(exchange.status, exchange.flags, exchange),
  }
}

/** `x-forwarded-proto` and `x-request-id`, unless the request has them. */
export function requestIdentity(request: RequestHead, scheme: 'http' | 'https'): string {
  const proto =
    fieldValue(request, FORWARDED_PROTO) === undefined ? `x-forwarded-proto: ${scheme}\r\n` : ''
  return fieldValue(request, REQUEST_ID) === undefined
    ? `${proto}x-request-id: ${randomUUID()}\r\n`
    : proto
}

export function responseIdentity(server: 'envoy' | 'istio-envoy', exchange: Exchange): string {
  return `x-envoy-upstream-service-time: ${Math.floor(exchange.upstreamServiceMs)}\r\nserver: ${server}\r\n`
}
