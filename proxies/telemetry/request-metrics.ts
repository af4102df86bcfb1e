import type { AppProtocol } from '../config/mesh-state.ts'
import { type Peers, peerLabels, type Reporter } from './istio-labels.ts'
import type { Counter, CounterFamily, Histogram, HistogramFamily, Registry } from './registry.ts'

/** Envoy's default buckets, in the unit of the metric (milliseconds or bytes). */
const BUCKETS = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000,
  600_000, 1_800_000, 3_600_000,
]

export interface RequestOutcome {
  readonly durationMs: number
  readonly requestBytes: number
  readonly responseBytes: number
}

export interface RequestLabels {
  readonly protocol: Extract<AppProtocol, 'http' | 'http2' | 'grpc'>
  readonly security: 'unknown' | 'mutual_tls' | 'none'
}

/** Envoy's response flags as Istio prints them, e.g. `UF`, `UH`, `UT`, `DC`; `-` for none. */
export type HttpResponseFlags = string

/** Series of one pair of peers. Keep it with the route or connection; `record` once per request. */
export interface RequestSeries {
  record(
    responseCode: number,
    flags: HttpResponseFlags,
    outcome: RequestOutcome,
    /** Given for gRPC only, empty when the call ended without one. */
    grpcStatus?: string,
  ): void
}

interface Resolved {
  readonly total: Counter
  readonly duration: Histogram
  readonly requestBytes: Histogram
  readonly responseBytes: Histogram
}

/** Istio's HTTP metrics: one counter and three histograms per request and reporting side. */
export class RequestMetrics {
  readonly #total: CounterFamily
  readonly #duration: HistogramFamily
  readonly #requestBytes: HistogramFamily
  readonly #responseBytes: HistogramFamily

  constructor(registry: Registry) {
    this.#total = registry.counter('istio_requests_total', 'Requests answered.')
    this.#duration = registry.histogram(
      'istio_request_duration_milliseconds',
      'Time from the request to the end of its response.',
      BUCKETS,
    )
    this.#requestBytes = registry.histogram('istio_request_bytes', 'Request body size.', BUCKETS)
    this.#responseBytes = registry.histogram('istio_response_bytes', 'Response body size.', BUCKETS)
  }

  between(reporter: Reporter, peers: Peers, { protocol, security }: RequestLabels): RequestSeries {
    const common = {
      ...peerLabels(reporter, peers),
      connection_security_policy: security,
    }
    const byOutcome = new Map<string, Resolved>()
    // Nearly all requests of a pair end alike, and comparing three values is cheaper than a key.
    let lastCode = -1
    let lastFlags = ''
    let lastStatus: string | undefined
    let last: Resolved | undefined

    const resolve = (code: number, flags: string, grpcStatus: string | undefined): Resolved => {
      const key = `${code} ${flags} ${grpcStatus}`
      let series = byOutcome.get(key)
      if (!series) {
        const labels = {
          ...common,
          request_protocol: grpcStatus === undefined && protocol !== 'grpc' ? 'http' : 'grpc',
          response_code: String(code),
          grpc_response_status: grpcStatus ?? '',
          response_flags: flags,
        }
        series = {
          total: this.#total.with(labels),
          duration: this.#duration.with(labels),
          requestBytes: this.#requestBytes.with(labels),
          responseBytes: this.#responseBytes.with(labels),
        }
        byOutcome.set(key, series)
      }
      return series
    }

    return {
      record: (code, flags, outcome, grpcStatus) => {
        if (!last || code !== lastCode || flags !== lastFlags || grpcStatus !== lastStatus) {
          last = resolve(code, flags, grpcStatus)
          lastCode = code
          lastFlags = flags
          lastStatus = grpcStatus
        }
        last.total.value += 1
        last.duration.record(outcome.durationMs)
        last.requestBytes.record(outcome.requestBytes)
        last.responseBytes.record(outcome.responseBytes)
      },
    }
  }
}
