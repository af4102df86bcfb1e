import type { Cluster } from './cluster.ts'

export interface ClusterDump {
  readonly name: string
  readonly endpoints: readonly {
    readonly address: string
    readonly activeRequests: number
    readonly connections: number
  }[]
}

export function dumpCluster({ name, upstreams }: Cluster): ClusterDump {
  return {
    name,
    endpoints: upstreams.map(({ address, active, pool, http2 }) => ({
      address,
      activeRequests: active,
      connections: pool.size + http2.size,
    })),
  }
}
