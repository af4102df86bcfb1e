import { choose, type Upstream } from './cluster.ts'
import type { ConnectionPool } from './codec.ts'
import type { RequestHead } from './head.ts'
import type { RetryRules } from './retry.ts'
import type { Route } from './rules.ts'

/**
 * The endpoints one request has been sent to.
 * - An upstream's `active` counts the request from `next` to `leave`.
 */
export class Tries {
  count = 0
  target: Upstream | undefined
  #upstreams: readonly Upstream[] = []
  #tried: readonly Upstream[] = []
  #http2 = false

  /** The client's version of HTTP is kept unless the service asks for HTTP/2. */
  to({ cluster }: Extract<Route, { readonly cluster: unknown }>, request: RequestHead): void {
    this.#upstreams = cluster.upstreams
    // Only HTTP/1.1 can become a byte stream.
    const plain = request.upgrade !== undefined || request.method === 'CONNECT'
    this.#http2 = !plain && (request.http2 || cluster.http2 === true)
  }

  /** Another endpoint than those before, while there is one. */
  next(): ConnectionPool | undefined {
    if (this.target !== undefined) this.#tried = [...this.#tried, this.target]
    const target = choose(this.#upstreams, this.#tried)
    if (target === undefined) return undefined
    this.target = target
    target.active += 1
    this.count += 1
    return this.#http2 ? target.http2 : target.pool
  }

  leave(): void {
    if (this.target !== undefined) this.target.active -= 1
  }

  /** Whether a gRPC call that ended like this before it began is to be made again. */
  grpcFailed(status: string, { retries, grpcStatuses }: RetryRules): boolean {
    return this.count <= retries && grpcStatuses?.includes(status) === true
  }
}
