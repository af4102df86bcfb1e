import { type Cluster, choose, type Upstream } from './cluster.ts'
import type { ConnectionPool } from './codec.ts'
import type { RequestHead } from './head.ts'
import { type Reply, replies } from './reply.ts'
import { backOffMs, type RetryRules } from './retry.ts'

/**
 * The endpoints one request has been sent to.
 * - An upstream's `active`, and what the cluster's breaker counts, hold the request from `next` to
 *   `leave`.
 */
export class Tries {
  count = 0
  target: Upstream | undefined
  retry: RetryRules = NO_RETRY
  #cluster: Cluster = NOWHERE
  #tried: readonly Upstream[] = []
  #http2 = false
  #under = false

  /** The client's version of HTTP is kept unless the service asks for HTTP/2. */
  to(cluster: Cluster, request: RequestHead, retry: RetryRules): void {
    this.#cluster = cluster
    this.retry = retry
    // Only HTTP/1.1 can become a byte stream.
    const plain = request.upgrade !== undefined || request.method === 'CONNECT'
    this.#http2 = !plain && (request.http2 || cluster.http2 === true)
  }

  /** Another endpoint than those before, while there is one. */
  next(): ConnectionPool | Reply {
    if (this.target !== undefined) this.#tried = [...this.#tried, this.target]
    // Those of now: an endpoint that has become another one meanwhile takes no more connections.
    const { breaker, outliers, balance, upstreams } = this.#cluster
    const usable = outliers
      ? upstreams.filter((upstream) => !outliers.isEjected(upstream))
      : upstreams
    const target = (balance ?? choose)(usable, this.#tried)
    if (target === undefined) return replies.noHealthyUpstream
    if (breaker !== undefined) {
      if (!breaker.maySend()) return replies.overflow
      breaker.requests += 1
      if (this.count > 0) breaker.retries += 1
    }
    this.#under = true
    this.target = target
    target.active += 1
    this.count += 1
    return this.#http2 ? target.http2 : target.pool
  }

  /** `status` is what came of it in Envoy's eyes; undefined when the endpoint is not to blame. */
  leave(status?: number): void {
    const { target } = this
    if (target === undefined) return
    this.#under = false
    target.active -= 1
    const { breaker } = this.#cluster
    if (breaker !== undefined) {
      breaker.requests -= 1
      if (this.count > 1) breaker.retries -= 1
    }
    if (status !== undefined) this.answered(status)
  }

  answered(status: number): void {
    if (this.target === undefined) return
    this.#cluster.outliers?.answered(this.target, status, this.#cluster.upstreams.length)
  }

  /** Whether there is a try left, once the one under way has left. */
  get mayGoOn(): boolean {
    const own = this.#under && this.count > 1 ? 1 : 0
    return this.count <= this.retry.retries && this.#cluster.breaker?.mayRetry(own) !== false
  }

  backOffMs(): number {
    return backOffMs(this.count, Math.random, this.retry.backOffMs)
  }

  isRetriedStatus(status: number): boolean {
    return this.retry.statuses?.includes(status) === true && this.mayGoOn
  }

  /** Whether a gRPC call that ended like this before it began is to be made again. */
  isRetriedGrpc(status: string): boolean {
    return this.retry.grpcStatuses?.includes(status) === true && this.mayGoOn
  }
}

const NO_RETRY: RetryRules = { retries: 0, connectFailure: false }
const NOWHERE: Cluster = { name: '', upstreams: [] }
