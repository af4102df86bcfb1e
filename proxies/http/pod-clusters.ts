import type { Duplex } from 'node:stream'
import { type Endpoint, endpointKey, type MeshIndex } from '../config/mesh-index.ts'
import { HTTP_ALPN, HTTP2_ALPN } from './alpn.ts'
import type { Cluster, Upstream } from './cluster.ts'
import { type ClusterDump, dumpCluster } from './dump-cluster.ts'
import { Http2Pool } from './http2-pool.ts'
import type { HttpLimits } from './limits.ts'
import { Pool } from './pool.ts'
import type { Sweeper } from './sweeper.ts'

export interface PodClustersOptions {
  readonly limits: HttpLimits
  readonly sweeper: Sweeper
  readonly dial: (
    endpoint: Endpoint,
    alpn: readonly string[],
    signal: AbortSignal,
  ) => Promise<Duplex>
}

interface PodCluster extends Cluster {
  readonly upstreams: readonly [Upstream & { readonly key: string }]
}

/** Any client may address any port of a pod; beyond these each connection gets pools of its own. */
const MAX_CLUSTERS = 512

/** Ports of pods that were addressed directly: clusters of one endpoint, which no policy of a service governs. */
export class PodClusters {
  readonly #options: PodClustersOptions
  readonly #clusters = new Map<string, PodCluster>()

  constructor(options: PodClustersOptions) {
    this.#options = options
  }

  get(endpoint: Endpoint, name: string = clusterName(endpoint)): Cluster {
    const address = `${endpoint.ip}:${endpoint.targetPort}`
    const held = this.#clusters.get(address)
    if (held?.upstreams[0].key === endpointKey(endpoint)) return held
    this.#drop(address)
    const cluster = this.#cluster(name, address, endpoint)
    if (this.#clusters.size < MAX_CLUSTERS) this.#clusters.set(address, cluster)
    return cluster
  }

  /** Connections to pods that are gone, or have become others, end after their answers. */
  update(index: MeshIndex): void {
    for (const [address, { upstreams }] of this.#clusters) {
      const { endpoint } = upstreams[0].destination ?? {}
      const workload = endpoint && index.workloadByIp(endpoint.ip)
      const now = workload && endpoint && { ...endpoint, workload }
      if (now === undefined || endpointKey(now) !== upstreams[0].key) this.#drop(address)
    }
  }

  /** For `/config_dump`. */
  dump(): readonly ClusterDump[] {
    return [...this.#clusters.values()].map(dumpCluster)
  }

  close(): void {
    for (const { upstreams } of this.#clusters.values()) {
      for (const { pool, http2 } of upstreams) {
        pool.destroy()
        http2.destroy()
      }
    }
  }

  #drop(address: string): void {
    this.#clusters.get(address)?.upstreams.forEach(close)
    this.#clusters.delete(address)
  }

  #cluster(name: string, address: string, endpoint: Endpoint): PodCluster {
    const { limits, sweeper, dial } = this.#options
    const pool = (alpn: readonly string[]) => ({
      limits,
      sweeper,
      dial: (signal: AbortSignal) => dial(endpoint, alpn, signal),
    })
    const upstream = {
      key: endpointKey(endpoint),
      address,
      pool: new Pool(pool(HTTP_ALPN)),
      http2: new Http2Pool(pool(HTTP2_ALPN)),
      active: 0,
      series: undefined,
      destination: { service: undefined, endpoint },
    }
    return { name, upstreams: [upstream] }
  }
}

export function clusterName({ ip, targetPort }: Endpoint): string {
  return `direct|${ip}:${targetPort}`
}

function close({ pool, http2 }: Upstream): void {
  pool.close()
  http2.close()
}
