import type { TrafficPolicy } from '../config/l7.ts'
import type { Endpoint } from '../config/mesh-index.ts'
import type { Service } from '../config/mesh-state.ts'
import type { Breaker } from '../routing/breaker.ts'
import type { Outliers } from '../routing/outliers.ts'
import type { RequestSeries } from '../telemetry/request-metrics.ts'
import type { ConnectionPool } from './codec.ts'

/** One place a request can be sent to. */
export interface Upstream {
  /** `ip:port`. */
  readonly address: string
  readonly pool: ConnectionPool
  /** The same endpoint in HTTP/2. */
  readonly http2: ConnectionPool
  /** Requests on their way now. */
  active: number
  /** Where requests sent to it are counted, when that depends on it. */
  readonly series: RequestSeries | undefined
  /** For those that lead to a pod, by a service or by its own address. */
  readonly destination?: { readonly service: Service | undefined; readonly endpoint: Endpoint }
}

/** Candidates for a request, in Envoy's sense. */
export interface Cluster {
  readonly name: string
  /** The service speaks HTTP/2, whatever its clients do. */
  readonly http2?: boolean
  readonly upstreams: readonly Upstream[]
  /** Instead of `choose`. */
  readonly balance?: Balance
  /** Counted on and asked by every request. */
  readonly breaker?: Breaker
  readonly outliers?: Outliers<Upstream>
  readonly traffic?: TrafficPolicy
}

export type Balance = (
  upstreams: readonly Upstream[],
  tried: readonly Upstream[],
) => Upstream | undefined

/** Envoy's host_selection_retry_max_attempts as Istio sets it. */
const RESELECTIONS = 5

/**
 * The less busy of two chosen at random: close to least-loaded without looking at all of them
 * (Envoy's LEAST_REQUEST). Upstreams tried before are avoided while there is another; Envoy leaves
 * one case in 64 to chance there.
 */
export function choose(
  upstreams: readonly Upstream[],
  tried: readonly Upstream[],
): Upstream | undefined {
  if (upstreams.length <= 1) return upstreams[0]
  let chosen = lessBusy(upstreams)
  for (let n = 0; n < RESELECTIONS && chosen && tried.includes(chosen); n++) {
    chosen = lessBusy(upstreams)
  }
  if (!chosen || !tried.includes(chosen)) return chosen
  return upstreams.find((upstream) => !tried.includes(upstream)) ?? chosen
}

function lessBusy(upstreams: readonly Upstream[]): Upstream | undefined {
  const count = upstreams.length
  const first = Math.floor(Math.random() * count)
  // The second is drawn from the others, so that the two always differ.
  const second = (first + 1 + Math.floor(Math.random() * (count - 1))) % count
  const a = upstreams[first]
  const b = upstreams[second]
  return a && b && b.active < a.active ? b : a
}

/** DestinationRule's other ways to choose; endpoints tried before are avoided in each. */
export function balanceBy(kind: 'ROUND_ROBIN' | 'RANDOM'): Balance {
  let turn = Math.floor(Math.random() * 1_000)
  return (upstreams, tried) => {
    const untried = upstreams.filter((upstream) => !tried.includes(upstream))
    const candidates = untried.length > 0 ? untried : upstreams
    turn += 1
    const at = kind === 'RANDOM' ? Math.floor(Math.random() * candidates.length) : turn
    return candidates[at % candidates.length]
  }
}
