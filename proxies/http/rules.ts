import type { Cluster } from './cluster.ts'
import type { Exchange } from './exchange.ts'
import type { DropSet } from './field-names.ts'
import type { RequestHead, ResponseHead } from './head.ts'
import type { Reply } from './reply.ts'
import type { RetryRules } from './retry.ts'

/** Where a request goes, or the answer it gets right here. */
export type Route = { readonly cluster: Cluster } | { readonly reply: Reply }

/**
 * What one direction of one proxy does to the requests of a connection: routing, header fields,
 * telemetry. The engine does the rest.
 */
export interface HttpRules {
  readonly serverName: 'envoy' | 'istio-envoy'
  readonly retry: RetryRules
  /** Whether upstreams learn the number of the try. */
  readonly countAttempts: boolean
  readonly requestDrop: DropSet
  readonly responseDrop: DropSet
  route(request: RequestHead): Route
  /** Whole lines to add to the request. */
  requestFields(request: RequestHead): string
  /** Whole lines to add to the response. */
  responseFields(exchange: Exchange, response: ResponseHead): string
  /** Called once per request when it is over. */
  record(exchange: Exchange): void
}
