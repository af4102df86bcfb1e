import { type Endpoint, identityOf } from '../config/mesh-index.ts'
import type { Service, Workload } from '../config/mesh-state.ts'
import type { Upstream } from '../http/cluster.ts'
import { isAuthenticated } from '../http/dial-endpoint.ts'
import type { Peers } from '../telemetry/istio-labels.ts'
import type { RequestMetrics, RequestSeries } from '../telemetry/request-metrics.ts'

/** Proven by the certificate of the tunnel, named by its address or what the tunnel says. */
export interface Source {
  readonly workload: Workload | undefined
  readonly identity: string
  readonly ip: string
  /** `ip:port`. */
  readonly address: string
}

/** What requests were meant for, whoever they end up at. */
export interface Wanted {
  readonly name: string
  /** Undefined when a pod was addressed. */
  readonly service: Service | undefined
  readonly endpoint?: Endpoint
}

/** Series per client and endpoint, kept until the next snapshot. */
export class WaypointTelemetry {
  readonly #requests: RequestMetrics
  #series = new Map<string, Map<Upstream | undefined, RequestSeries>>()

  constructor(requests: RequestMetrics) {
    this.#requests = requests
  }

  forgetPeers(): void {
    this.#series = new Map()
  }

  /** One lookup per connection; the returned function has one left per request. */
  forConnection(source: Source, wanted: Wanted): (target: Upstream | undefined) => RequestSeries {
    const key = [source.identity, source.workload?.uid, wanted.name].join('|')
    let byTarget = this.#series.get(key)
    if (byTarget === undefined) {
      byTarget = new Map()
      this.#series.set(key, byTarget)
    }
    const known = byTarget
    return (target) => {
      let series = known.get(target)
      if (series === undefined) {
        // A route may have led to another service than the one asked for.
        const { service, endpoint } = target?.destination ?? wanted
        series = this.#requests.between('waypoint', peersOf(source, service, endpoint), {
          protocol: 'http',
          security: 'mutual_tls',
        })
        known.set(target, series)
      }
      return series
    }
  }
}

/** The server is named by identity only where a tunnel proves it. */
export function peersOf(
  source: Source,
  service: Service | undefined,
  endpoint: Endpoint | undefined,
): Peers {
  return {
    source: source.workload,
    sourceIdentity: source.identity,
    destination: endpoint?.workload,
    destinationIdentity:
      endpoint && isAuthenticated(endpoint, 'waypoint') ? identityOf(endpoint.workload) : undefined,
    service,
  }
}
