import type { Duplex } from 'node:stream'
import {
  type Endpoint,
  identityOf,
  type MeshIndex,
  serviceKey,
  socketOf,
} from '../config/mesh-index.ts'
import type { Service } from '../config/mesh-state.ts'
import type { RequestSeries } from '../telemetry/request-metrics.ts'
import { HTTP_ALPN, HTTP2_ALPN } from './alpn.ts'
import type { Cluster, Upstream } from './cluster.ts'
import { Http2Pool } from './http2-pool.ts'
import type { HttpLimits } from './limits.ts'
import { Pool } from './pool.ts'
import type { Sweeper } from './sweeper.ts'

export interface ServiceClustersOptions {
  readonly limits: HttpLimits
  readonly sweeper: Sweeper
  readonly dial: (
    endpoint: Endpoint,
    alpn: readonly string[],
    signal: AbortSignal,
  ) => Promise<Duplex>
  /** Where requests to an endpoint count, if that depends on nothing else. */
  readonly series?: (service: Service, endpoint: Endpoint) => RequestSeries
}

interface Target extends Upstream {
  readonly key: string
  endpoint: Endpoint
  series: RequestSeries | undefined
}

/** The endpoints of one service port. The object lives on when its endpoints change. */
export interface ServiceCluster extends Cluster {
  readonly service: Service
  readonly port: number
  upstreams: readonly Target[]
}

interface Mutable extends ServiceCluster {
  service: Service
  http2: boolean
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

  constructor(options: ServiceClustersOptions) {
    this.#options = options
  }

  update(index: MeshIndex): void {
    this.#index = index
    for (const [key, cluster] of this.#clusters) {
      const service = index.service(serviceKey(cluster.service))
      if (service !== undefined) {
        cluster.service = service
        cluster.http2 = speaksHttp2(service, cluster.port)
      }
      const next = service === undefined ? [] : this.#targets(cluster)
      const kept = new Set(next.map(({ pool }) => pool))
      for (const { pool, http2 } of cluster.upstreams)
        if (!kept.has(pool)) {
          pool.close()
          http2.close()
        }
      cluster.upstreams = next
      // Requests that hold on to the cluster see it empty; a later question makes a new one.
      if (service === undefined) this.#clusters.delete(key)
    }
  }

  get(service: Service, port: number): ServiceCluster {
    const key = `${serviceKey(service)}:${port}`
    let cluster = this.#clusters.get(key)
    if (cluster === undefined) {
      const name = `outbound|${port}||${service.hostname}`
      cluster = { name, service, port, upstreams: [], http2: speaksHttp2(service, port) }
      cluster.upstreams = this.#targets(cluster)
      this.#clusters.set(key, cluster)
    }
    return cluster
  }

  /** For connections instead of requests. */
  endpoint(service: Service, port: number): Endpoint | undefined {
    const endpoints = this.#index?.endpoints(service, port) ?? []
    return endpoints[Math.floor(Math.random() * endpoints.length)]
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
  dump(): unknown {
    return [...this.#clusters.values()].map(({ name, upstreams }) => ({
      name,
      endpoints: upstreams.map(({ address, active, pool, http2 }) => ({
        address,
        activeRequests: active,
        connections: pool.size + http2.size,
      })),
    }))
  }

  #targets(cluster: ServiceCluster): readonly Target[] {
    const { limits, sweeper, dial, series } = this.#options
    const { service, port, upstreams } = cluster
    return (this.#index?.endpoints(service, port) ?? []).map((endpoint) => {
      const key = endpointKey(endpoint)
      const held = upstreams.find((upstream) => upstream.key === key)
      if (held !== undefined) {
        held.endpoint = endpoint
        held.series = series?.(service, endpoint)
        return held
      }
      return {
        key,
        address: `${endpoint.ip}:${endpoint.targetPort}`,
        pool: new Pool({
          limits,
          sweeper,
          dial: (signal) => dial(endpoint, HTTP_ALPN, signal),
        }),
        http2: new Http2Pool({
          limits,
          sweeper,
          dial: (signal) => dial(endpoint, HTTP2_ALPN, signal),
        }),
        active: 0,
        endpoint,
        series: series?.(service, endpoint),
      }
    })
  }
}

/** Whether its requests are told apart at all. */
export function speaksHttp(service: Service, port: number): boolean {
  return (service.protocols?.[String(port)] ?? 'tcp') !== 'tcp'
}

function speaksHttp2(service: Service, port: number): boolean {
  const protocol = service.protocols?.[String(port)]
  return protocol === 'http2' || protocol === 'grpc'
}

/** Two endpoints with equal keys are reached in the same way and prove the same identity. */
function endpointKey({ ip, targetPort, workload }: Endpoint): string {
  const { protocol, tlsMode, hbonePort } = workload
  const { host, port } = socketOf(workload, ip, targetPort)
  const identity = identityOf(workload)
  return [ip, targetPort, host, port, protocol, tlsMode, hbonePort, identity].join('|')
}
