import type { ClusterClient } from '../../cluster/client/types.ts'
import type { KubeObject } from '../../cluster/objects.ts'

interface PodObject extends KubeObject {
  readonly spec?: {
    readonly hostNetwork?: boolean
    readonly containers?: readonly { readonly name: string }[]
    readonly initContainers?: readonly { readonly name: string }[]
  }
  readonly status?: { readonly phase?: string }
}

/** A pod that takes part in the count. */
export interface CountedPod {
  readonly namespace: string
  readonly name: string
  readonly kind: 'sidecar' | 'ambient' | 'plain' | 'waypoint'
}

export interface Census {
  readonly nodes: number
  readonly pods: readonly CountedPod[]
}

/** Their pods belong to the cluster or the mesh, not to anybody's application. */
const systemNamespaces = ['kube-system', 'kube-public', 'kube-node-lease', 'istio-system']
const gatewayLabel = 'gateway.networking.k8s.io/gateway-name'
/** What istio-cni writes on a pod that a ztunnel serves. */
const redirection = 'ambient.istio.io/redirection'

/** Nodes and running pods of applications, by who carries their traffic. */
export async function takeCensus(client: ClusterClient, signal: AbortSignal): Promise<Census> {
  const [nodes, pods] = await Promise.all([
    client.listEach({ apiVersion: 'v1', kind: 'Node' }, {}, () => true, signal),
    client.listEach<PodObject, CountedPod>({ apiVersion: 'v1', kind: 'Pod' }, {}, counted, signal),
  ])
  return { nodes: nodes.length, pods }
}

function counted({ metadata, spec, status }: PodObject): CountedPod | undefined {
  const { namespace = '', name } = metadata
  if (systemNamespaces.includes(namespace) || status?.phase !== 'Running') return undefined
  // Pods on the host's network take no part in any mesh.
  if (spec?.hostNetwork === true) return undefined
  if (metadata.labels?.[gatewayLabel] !== undefined) return { namespace, name, kind: 'waypoint' }
  // Since Kubernetes 1.29 Istio may inject it as a native sidecar, among the init containers.
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
  if (containers.some((container) => container.name === 'istio-proxy')) {
    return { namespace, name, kind: 'sidecar' }
  }
  const enrolled = metadata.annotations?.[redirection] === 'enabled'
  return { namespace, name, kind: enrolled ? 'ambient' : 'plain' }
}
