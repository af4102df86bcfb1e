import type { OutlierPolicy } from '../config/l7.ts'

interface Record5xx {
  errors5xx: number
  gatewayErrors: number
  /** How often it was ejected; each time is longer than the one before. */
  ejections: number
  ejectedUntilMs: number
}

const MAX_EJECTION_MS = 300_000

/**
 * Envoy's outlier detection by consecutive errors
 * (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier): an endpoint that
 * only fails gets no requests for a while. One whose ejection is over starts with a clean count; each
 * quiet interval makes up for one earlier ejection.
 */
export class Outliers<T extends object> {
  policy: OutlierPolicy
  readonly #now: () => number
  #records = new Map<T, Record5xx>()

  constructor(policy: OutlierPolicy, now: () => number) {
    this.policy = policy
    this.#now = now
  }

  /** Forgets endpoints that are gone. */
  retain(endpoints: readonly T[]): void {
    const kept = endpoints.flatMap((one) => {
      const record = this.#records.get(one)
      return record ? [[one, record] as const] : []
    })
    this.#records = new Map(kept)
  }

  /** A connection that failed counts as 503, one that took too long as 504. */
  answered(endpoint: T, status: number, endpoints: number): void {
    const record = this.#records.get(endpoint)
    if (status < 500) {
      if (record) {
        record.errors5xx = 0
        record.gatewayErrors = 0
      }
      return
    }
    const failing = record ?? { errors5xx: 0, gatewayErrors: 0, ejections: 0, ejectedUntilMs: 0 }
    if (!record) this.#records.set(endpoint, failing)
    failing.errors5xx += 1
    failing.gatewayErrors = status >= 502 && status <= 504 ? failing.gatewayErrors + 1 : 0
    const { consecutive5xx = 0, consecutiveGatewayErrors = 0 } = this.policy
    const tooMany =
      (consecutive5xx > 0 && failing.errors5xx >= consecutive5xx) ||
      (consecutiveGatewayErrors > 0 && failing.gatewayErrors >= consecutiveGatewayErrors)
    if (tooMany) this.#eject(failing, endpoints)
  }

  isEjected(endpoint: T): boolean {
    const record = this.#records.get(endpoint)
    return record !== undefined && record.ejectedUntilMs > this.#now()
  }

  #eject(record: Record5xx, endpoints: number): void {
    const nowMs = this.#now()
    if (record.ejectedUntilMs > nowMs) return
    const { baseEjectionMs, intervalMs, maxEjectionPercent } = this.policy
    let ejected = 0
    for (const { ejectedUntilMs } of this.#records.values())
      if (ejectedUntilMs > nowMs) ejected += 1
    // Judged before this one is added, so that one endpoint may always be ejected.
    if (maxEjectionPercent === 0 || (100 * ejected) / endpoints >= maxEjectionPercent) return
    const quietMs = record.ejections > 0 ? nowMs - record.ejectedUntilMs : 0
    const forgiven = Math.floor(quietMs / intervalMs)
    record.ejections = Math.max(0, record.ejections - forgiven) + 1
    const durationMs = Math.min(MAX_EJECTION_MS, baseEjectionMs * record.ejections)
    record.ejectedUntilMs = nowMs + Math.max(durationMs, baseEjectionMs)
    record.errors5xx = 0
    record.gatewayErrors = 0
  }
}
