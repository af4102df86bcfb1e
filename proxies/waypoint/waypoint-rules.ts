import type { Upstream } from '../http/cluster.ts'
import { dropSet } from '../http/field-names.ts'
import { requestIdentity, responseIdentity } from '../http/identity-fields.ts'
import { OUTBOUND_RETRY } from '../http/retry.ts'
import type { HttpRules } from '../http/rules.ts'
import type { RequestSeries } from '../telemetry/request-metrics.ts'

export interface WaypointRulesOptions {
  readonly route: HttpRules['route']
  /** Undefined: no endpoint was found. */
  readonly series: (target: Upstream | undefined) => RequestSeries
}

const REQUEST_DROP = dropSet(
  // Absent unless opted in, and never what a client says.
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

/** What a waypoint does to the requests of one connection inside a tunnel. */
export function waypointRules({ route, series }: WaypointRulesOptions): HttpRules {
  return {
    serverName: 'istio-envoy',
    retry: OUTBOUND_RETRY,
    countAttempts: true,
    requestDrop: REQUEST_DROP,
    responseDrop: RESPONSE_DROP,
    route,
    requestFields: (request) => requestIdentity(request, 'http'),
    responseFields: (exchange) => responseIdentity('istio-envoy', exchange),
    record: (exchange) =>
      series(exchange.target).record(
        exchange.status,
        exchange.flags,
        exchange,
        exchange.grpcStatus,
      ),
  }
}
