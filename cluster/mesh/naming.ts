import type { Pod, Service } from '../kinds.ts'
import { managedByMesh, meshLabels, systemNamespace } from '../mesh-labels.ts'

/** Istio's name for a cluster that was given none. */
export const clusterId = 'Kubernetes'
export const clusterDomain = 'cluster.local'

export function workloadUid(namespace: string, name: string): string {
  return `${clusterId}//Pod/${namespace}/${name}`
}

export function hostnameOf(name: string, namespace: string): string {
  return `${name}.${namespace}.svc.${clusterDomain}`
}

/** How workloads name the services they back. */
export function serviceKey({ metadata }: Service): string {
  const namespace = metadata.namespace ?? 'default'
  return `${namespace}/${hostnameOf(metadata.name, namespace)}`
}

export function spiffeId(trustDomain: string, namespace: string, serviceAccount: string): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`
}

export function identityOf(pod: Pod, trustDomain: string): string {
  const { namespace = 'default' } = pod.metadata
  return spiffeId(trustDomain, namespace, pod.spec.serviceAccountName ?? 'default')
}

/** What a proxy container of this pod is. */
export function proxyKindOf({ metadata }: Pod): 'sidecar' | 'ztunnel' | 'waypoint' {
  if (metadata.namespace === systemNamespace && metadata.labels?.app === 'ztunnel') return 'ztunnel'
  return metadata.labels?.[meshLabels.managedGateway] === managedByMesh ? 'waypoint' : 'sidecar'
}
