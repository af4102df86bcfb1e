import { dropSet } from '../http/field-names.ts'
import { requestIdentity, responseIdentity } from '../http/identity-fields.ts'
import { OUTBOUND_RETRY } from '../http/retry.ts'
import type { HttpRules } from '../http/rules.ts'
import type { Router } from '../routing/router.ts'
import type { RequestSeries } from '../telemetry/request-metrics.ts'

export interface OutboundRulesOptions {
  readonly route: Router
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

/** What a sidecar does to its application's own requests. */
export function outboundRules(options: OutboundRulesOptions): HttpRules {
  const { route, metadata, unrouted } = options
  return {
    serverName: 'envoy',
    retry: OUTBOUND_RETRY,
    countAttempts: true,
    requestDrop: REQUEST_DROP,
    responseDrop: RESPONSE_DROP,
    route,
    requestFields: (request) => requestIdentity(request, 'http') + metadata,
    responseFields: (exchange) => responseIdentity('envoy', exchange),
    record: (exchange) =>
      (exchange.target?.series ?? unrouted).record(
        exchange.status,
        exchange.flags,
        exchange,
        exchange.grpcStatus,
      ),
  }
}
