import { findTopology } from '../../workloads/topologies/catalogue.ts'
import { manifests } from '../../workloads/topologies/manifests.ts'
import type { Topology } from '../../workloads/topologies/topology.ts'
import type { RunOptions } from '../result/schema.ts'

export type { Topology }

/** Throws when there is no such workload, naming those that there are. */
export const findWorkload: (name: string) => Topology = findTopology

/** A topology's objects, every pod on one node. */
export function workloadManifests(
  topology: Topology,
  place: { readonly namespace: string; readonly node: string },
  options: Pick<RunOptions, 'replicas' | 'responseBytes'>,
): ReturnType<typeof manifests> {
  return manifests(topology, {
    namespace: place.namespace,
    replicas: options.replicas,
    responseBytes: options.responseBytes,
    nodeSelector: { 'kubernetes.io/hostname': place.node },
  })
}
