import type { HeaderChange } from '../config/l7.ts'
import type { Cluster } from './cluster.ts'
import type { ExchangeRecord } from './exchange-record.ts'
import type { DropSet } from './field-names.ts'
import type { RequestHead, ResponseHead } from './head.ts'
import type { Reply } from './reply.ts'
import type { RetryRules } from './retry.ts'

/** Where a request goes and what becomes of it on the way. Everything but the cluster is rare. */
export interface Plan {
  readonly cluster: Cluster
  /** For the access log. */
  readonly routeName?: string
  /** Sent instead of what the client asked. */
  readonly request?: RequestHead
  /** Whole lines to add to it. */
  readonly requestLines?: string
  readonly responseChanges?: readonly HeaderChange[]
  /** From the end of the request to the end of the answer, over all tries. */
  readonly timeoutMs?: number
  /** Instead of the direction's own. */
  readonly retry?: RetryRules
  /** Get the request as well; what they answer is thrown away. */
  readonly mirrors?: readonly Cluster[]
}

/** Or the answer it gets right here. */
export type Route = Plan | { readonly reply: Reply }

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
  route(request: RequestHead): Route | Promise<Route>
  /** Whole lines to add to the request. */
  requestFields(request: RequestHead): string
  /** Whole lines to add to the response. */
  responseFields(exchange: ExchangeRecord, response: ResponseHead): string
  /** Called once per request when it is over. */
  record(exchange: ExchangeRecord): void
}
