import type { Store } from '../api/store.ts'
import { kinds, type Namespace, type Pod, type Service } from '../kinds.ts'
import type { KubeObject } from '../objects.ts'
import { injectSidecar, wantsSidecar } from './injection.ts'
import { proxyMetadata } from './proxy-metadata.ts'

/** Node labels every pod of a namespace asks for (the PodNodeSelector admission plugin). */
export const nodeSelectorAnnotation = 'scheduler.alpha.kubernetes.io/node-selector'

export interface ClusterIpSource {
  /** An unused service address. */
  next(): string
}

/** What Kubernetes and Istio add to an object while it is created. Changes it in place. */
export function admission(clusterIps: ClusterIpSource): (object: KubeObject, store: Store) => void {
  return (object, store) => {
    if (object.apiVersion !== 'v1') return
    if (object.kind === 'Service') giveClusterIp(object as Service, clusterIps)
    if (object.kind !== 'Pod') return
    const pod = object as Pod
    const namespace = store.get<Namespace>({
      ...kinds.namespace,
      name: pod.metadata.namespace ?? 'default',
    })
    const labels = namespace?.metadata.labels
    addNodeSelector(pod, namespace?.metadata.annotations?.[nodeSelectorAnnotation])
    if (!wantsSidecar(pod, labels)) return
    const takesHbone = proxyMetadata(pod, 'ISTIO_META_ENABLE_HBONE', store) === 'true'
    injectSidecar(pod, labels, { takesHbone })
  }
}

function giveClusterIp(service: Service, source: ClusterIpSource): void {
  const { spec } = service
  if (spec?.clusterIP || spec?.type === 'ExternalName') return
  const address = source.next()
  service.spec = { ...spec, clusterIP: address, clusterIPs: [address] }
}

function addNodeSelector(pod: Pod, annotation: string | undefined): void {
  if (!annotation) return
  const pairs = annotation.split(',').map((pair) => pair.trim().split('=', 2))
  pod.spec.nodeSelector = {
    ...pod.spec.nodeSelector,
    ...Object.fromEntries(pairs.map(([key, value]) => [key, value ?? ''])),
  }
}
