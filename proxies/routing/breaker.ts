import type { BreakerLimits } from '../config/l7.ts'

/**
 * Envoy's circuit breaker of one cluster: counts what is under way and says what is too much. Limits
 * may change while it counts; Istio's default is no limit at all.
 */
export class Breaker {
  limits: BreakerLimits = {}
  connections = 0
  pending = 0
  requests = 0
  retries = 0

  mayConnect(): boolean {
    return this.connections < (this.limits.connections ?? Number.POSITIVE_INFINITY)
  }

  /** A request that finds no free connection and has to wait for one. */
  mayWait(): boolean {
    return this.pending < (this.limits.pendingRequests ?? Number.POSITIVE_INFINITY)
  }

  maySend(): boolean {
    return this.requests < (this.limits.requests ?? Number.POSITIVE_INFINITY)
  }

  /** `own` retries end before the one asked for begins. */
  mayRetry(own: number): boolean {
    return this.retries - own < (this.limits.retries ?? Number.POSITIVE_INFINITY)
  }
}
