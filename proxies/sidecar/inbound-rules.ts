import { createHash } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { Cluster } from '../http/cluster.ts'
import { dropSet, fieldId } from '../http/field-names.ts'
import { fieldValue, type RequestHead } from '../http/head.ts'
import { requestIdentity, responseIdentity } from '../http/identity-fields.ts'
import { INBOUND_RETRY } from '../http/retry.ts'
import type { HttpRules, Route } from '../http/rules.ts'
import type { PolicyInput } from '../policy/rbac.ts'
import type { RequestGate } from '../policy/request-gate.ts'
import { gated } from '../routing/gated.ts'
import type { RequestSeries } from '../telemetry/request-metrics.ts'

export interface InboundRulesOptions {
  readonly cluster: Cluster
  /** What decides now whether a request enters, and what it knows of this connection. */
  readonly gate: () => RequestGate | undefined
  readonly connection: PolicyInput
  readonly metadata: string
  /** `By=...;URI=...` of this connection's client, undefined when it is not authenticated. */
  readonly clientCert: string | undefined
  /** Requests of the client with this node id, which is what the client says of itself. */
  readonly series: (nodeId: string | undefined) => RequestSeries
}

const REQUEST_DROP = dropSet(
  'x-forwarded-client-cert',
  'x-envoy-peer-metadata',
  'x-envoy-peer-metadata-id',
)
const RESPONSE_DROP = dropSet(
  'server',
  'x-envoy-upstream-service-time',
  'x-envoy-peer-metadata',
  'x-envoy-peer-metadata-id',
)
const CLIENT_CERT = fieldId('x-forwarded-client-cert')
const NODE_ID = fieldId('x-envoy-peer-metadata-id')

/** What a sidecar does to requests for its application; one object per connection. */
export function inboundRules(options: InboundRulesOptions): HttpRules {
  const { cluster, metadata, clientCert, series, gate, connection } = options
  const route = { cluster, routeName: 'default' }
  const toApp = (): Route => route
  const scheme = clientCert === undefined ? 'http' : 'https'
  return {
    serverName: 'istio-envoy',
    retry: INBOUND_RETRY,
    countAttempts: false,
    requestDrop: REQUEST_DROP,
    responseDrop: RESPONSE_DROP,
    route: (request) => gated(gate(), request, connection, toApp),
    requestFields: (request) =>
      forwardedCert(request, clientCert) + requestIdentity(request, scheme),
    responseFields: (exchange) =>
      responseIdentity('istio-envoy', exchange) +
      // Only a peer that introduced itself understands the answer.
      (fieldValue(exchange.request, NODE_ID) === undefined ? '' : metadata),
    record: (exchange) =>
      series(fieldValue(exchange.request, NODE_ID)).record(
        exchange.status,
        exchange.flags,
        exchange,
        exchange.grpcStatus,
      ),
  }
}

/** Envoy's APPEND_FORWARD; without a client certificate nobody vouches for the field, so it goes. */
function forwardedCert(request: RequestHead, element: string | undefined): string {
  if (element === undefined) return ''
  const earlier = fieldValue(request, CLIENT_CERT)
  return `x-forwarded-client-cert: ${earlier === undefined ? '' : `${earlier},`}${element}\r\n`
}

/** One hop in `x-forwarded-client-cert`, as Istio has Envoy write it. */
export function clientCertElement(socket: TLSSocket, own: string, peer: string): string {
  const raw = socket.getPeerX509Certificate()?.raw ?? Buffer.alloc(0)
  const hash = createHash('sha256').update(raw).digest('hex')
  return `By=${own};Hash=${hash};Subject="";URI=${peer}`
}
