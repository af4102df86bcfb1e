import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import type { Backend, DestinationPolicy, TrafficPolicy } from '../config/l7.ts'
import { type Endpoint, endpointKey, type MeshIndex, serviceKey } from '../config/mesh-index.ts'
import type { Service } from '../config/mesh-state.ts'
import { Breaker } from '../routing/breaker.ts'
import { Outliers } from '../routing/outliers.ts'
import type { RequestSeries } from '../telemetry/request-metrics.ts'
import { HTTP_ALPN, HTTP2_ALPN } from './alpn.ts'
import { type Balance, balanceBy, type Cluster, type Upstream } from './cluster.ts'
import { type ClusterDump, dumpCluster } from './dump-cluster.ts'
import { Http2Pool } from './http2-pool.ts'
import type { HttpLimits } from './limits.ts'
import { Pool, type PoolOptions } from './pool.ts'
import type { Sweeper } from './sweeper.ts'

export interface ServiceClustersOptions {
  readonly limits: HttpLimits
  readonly sweeper: Sweeper
  readonly dial: (
    endpoint: Endpoint,
    alpn: readonly string[],
    signal: AbortSignal,
    traffic: TrafficPolicy,
  ) => Promise<Duplex>
  /** A cluster's, if not as a sidecar calls those it sends to. */
  readonly nameOf?: (service: Service, port: number, subset: string) => string
  /** Where requests to an endpoint count, if that depends on nothing else. */
  readonly series?: (service: Service, endpoint: Endpoint) => RequestSeries
}

interface Target extends Upstream {
  readonly key: string
  destination: { readonly service: Service; readonly endpoint: Endpoint }
  series: RequestSeries | undefined
}

/** The endpoints of one service port. The object lives on when its endpoints change. */
export interface ServiceCluster extends Cluster {
  readonly service: Service
  readonly port: number
  readonly subset: string | undefined
  upstreams: readonly Target[]
}

interface Mutable extends ServiceCluster {
  service: Service
  http2: boolean
  balance?: Balance
  outliers?: Outliers<Upstream>
  readonly breaker: Breaker
  traffic: TrafficPolicy
}

/**
 * Clusters of the services that were asked for so far.
 * - A cluster and an endpoint that stays keep their objects: requests under way count on them.
 * - A new snapshot changes clusters in place: connections to endpoints that stay are kept, those to
 *   endpoints that went away close after their answer.
 */
export class ServiceClusters {
  readonly #options: ServiceClustersOptions
  readonly #clusters = new Map<string, Mutable>()
  #index: MeshIndex | undefined
  #policies: ReadonlyMap<string, DestinationPolicy> = new Map()

  constructor(options: ServiceClustersOptions) {
    this.#options = options
  }

  update(index: MeshIndex, destinations: readonly DestinationPolicy[] = []): void {
    this.#index = index
    this.#policies = new Map(destinations.map((policy) => [policy.service, policy]))
    for (const [key, cluster] of this.#clusters) {
      const service = index.service(serviceKey(cluster.service))
      if (service !== undefined) {
        cluster.service = service
        cluster.http2 = speaksHttp2(service, cluster.port)
        this.#govern(cluster)
      }
      const next = service === undefined ? [] : this.#targets(cluster)
      const kept = new Set(next.map(({ pool }) => pool))
      for (const { pool, http2 } of cluster.upstreams)
        if (!kept.has(pool)) {
          pool.close()
          http2.close()
        }
      cluster.upstreams = next
      cluster.outliers?.retain(next)
      // Requests that hold on to the cluster see it empty; a later question makes a new one.
      if (service === undefined) this.#clusters.delete(key)
    }
  }

  get(service: Service, port: number, subset?: string): ServiceCluster {
    const key = `${serviceKey(service)}:${port}:${subset ?? ''}`
    let cluster = this.#clusters.get(key)
    if (cluster === undefined) {
      cluster = {
        name:
          this.#options.nameOf?.(service, port, subset ?? '') ??
          outboundName(service, port, subset),
        service,
        port,
        subset,
        upstreams: [],
        http2: speaksHttp2(service, port),
        breaker: new Breaker(),
        traffic: {},
      }
      this.#govern(cluster)
      cluster.upstreams = this.#targets(cluster)
      this.#clusters.set(key, cluster)
    }
    return cluster
  }

  /** By the names a route gives. */
  find({ service, port, subset }: Backend): ServiceCluster | undefined {
    const found = this.#index?.service(service)
    return found && this.get(found, port, subset)
  }

  /** What a DestinationRule says; states of breaker and outliers outlive a change of limits. */
  #govern(cluster: Mutable): void {
    const policy = this.#policies.get(serviceKey(cluster.service))
    const subset = policy?.subsets.find(({ name }) => name === cluster.subset)
    const traffic = subset?.traffic ?? policy?.traffic ?? NO_POLICY
    const { balance = 'LEAST_REQUEST', outliers } = traffic
    if (balance === 'LEAST_REQUEST') delete cluster.balance
    else if (balance !== cluster.traffic.balance) cluster.balance = balanceBy(balance)
    if (outliers === undefined) delete cluster.outliers
    else if (cluster.outliers) cluster.outliers.policy = outliers
    else cluster.outliers = new Outliers(outliers, () => performance.now())
    cluster.breaker.limits = traffic.limits ?? {}
    cluster.traffic = traffic
  }

  close(): void {
    for (const { upstreams } of this.#clusters.values()) {
      for (const { pool, http2 } of upstreams) {
        pool.destroy()
        http2.destroy()
      }
    }
  }

  /** For `/config_dump`. */
  dump(): readonly ClusterDump[] {
    return [...this.#clusters.values()].map(dumpCluster)
  }

  #targets(cluster: Mutable): readonly Target[] {
    const { limits, sweeper, dial, series } = this.#options
    const { service, upstreams, breaker } = cluster
    const { tls, connectTimeoutMs } = cluster.traffic
    return this.#endpoints(cluster).map((endpoint) => {
      // Another way to connect makes another endpoint.
      const key = [endpointKey(endpoint), tls, connectTimeoutMs].join('|')
      const held = upstreams.find((upstream) => upstream.key === key)
      if (held !== undefined) {
        held.destination = { service, endpoint }
        held.series = series?.(service, endpoint)
        return held
      }
      const { traffic } = cluster
      const pool = (alpn: readonly string[]): PoolOptions => ({
        limits,
        sweeper,
        breaker,
        dial: (signal) => dial(endpoint, alpn, signal, traffic),
      })
      return {
        key,
        address: `${endpoint.ip}:${endpoint.targetPort}`,
        pool: new Pool(pool(HTTP_ALPN)),
        http2: new Http2Pool(pool(HTTP2_ALPN)),
        active: 0,
        destination: { service, endpoint },
        series: series?.(service, endpoint),
      }
    })
  }

  /** Of a subset those that have its labels; one nobody defined has none. */
  #endpoints({ service, port, subset }: Mutable): readonly Endpoint[] {
    const all = this.#index?.endpoints(service, port) ?? []
    if (subset === undefined) return all
    const policy = this.#policies.get(serviceKey(service))
    const members = policy?.subsets.find(({ name }) => name === subset)?.workloads ?? []
    return all.filter(({ workload }) => members.includes(workload.uid))
  }
}

const NO_POLICY: TrafficPolicy = {}

export function outboundName({ hostname }: Service, port: number, subset = ''): string {
  return `outbound|${port}|${subset}|${hostname}`
}

/** Whether its requests are told apart at all. */
export function speaksHttp(service: Service, port: number): boolean {
  return (service.protocols?.[String(port)] ?? 'tcp') !== 'tcp'
}

function speaksHttp2(service: Service, port: number): boolean {
  const protocol = service.protocols?.[String(port)]
  return protocol === 'http2' || protocol === 'grpc'
}
