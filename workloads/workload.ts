import { manifests as topologyManifests } from './topologies/manifests.ts'
import type { Topology } from './topologies/topology.ts'

/** A Kubernetes object as it travels. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace: string
    labels: Record<string, string>
    annotations?: Record<string, string>
  }
  [field: string]: unknown
}

export interface ManifestOptions {
  readonly namespace: string
  /** For every service, instead of what the workload says. */
  readonly replicas?: number
  /** For every service of ours but the store, instead of what the workload says. */
  readonly responseBytes?: number
  readonly nodeSelector?: Readonly<Record<string, string>>
}

/** Services to be deployed and put under load, wherever their description came from. */
export interface Workload {
  readonly name: string
  /** The service the load goes to. */
  readonly entry: string
  /** What its description says that has no effect here, each with file, line and column. */
  readonly warnings: readonly string[]
  manifests(options: ManifestOptions): Manifest[]
}

export function topologyWorkload(topology: Topology, warnings: readonly string[] = []): Workload {
  return {
    name: topology.name,
    entry: topology.entry,
    warnings,
    manifests: (options) => topologyManifests(topology, options),
  }
}

/** Pods of the workload itself, as it says or as asked. */
export function podCount(workload: Workload, replicas?: number): number {
  return workload
    .manifests({ namespace: 'any', ...(replicas === undefined ? {} : { replicas }) })
    .filter(({ kind }) => kind === 'Deployment')
    .reduce((sum, { spec }) => sum + ((spec as { replicas?: number }).replicas ?? 1), 0)
}
