import { wantsTakeover } from '../../cluster/agent/takeover.ts'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { type DaemonSet, kinds, type Namespace, type Pod } from '../../cluster/kinds.ts'
import { liveTakeoverAnnotation, meshAnnotations, meshLabels } from '../../cluster/mesh-labels.ts'

/**
 * Who has a pod now.
 * - `sidecar`: it will keep its sidecar until something recreates it.
 * - `pending`: ambient is to have it, or to let go of it, and has not come to that yet.
 * - `ambient`: the CNI and the ztunnel of its node say that they have it.
 * - `excluded`: neither, because it or its namespace says so.
 */
export type Membership = 'sidecar' | 'pending' | 'ambient' | 'excluded'

export interface NamespacePods {
  readonly labels: Readonly<Record<string, string>>
  /** Neither ended nor on their way out. */
  readonly pods: readonly Pod[]
}

export async function podsIn(client: ClusterClient, namespace: string): Promise<NamespacePods> {
  const [home, pods] = await Promise.all([
    client.get<Namespace>({ ...kinds.namespace, name: namespace }),
    client.list<Pod>(kinds.pod, { namespace }),
  ])
  return { labels: home?.metadata.labels ?? {}, pods: pods.filter(isLive) }
}

function isLive({ metadata, status }: Pod): boolean {
  const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed'
  return !ended && metadata.deletionTimestamp === undefined
}

export function hasSidecar({ metadata }: Pod): boolean {
  return metadata.annotations?.[meshAnnotations.sidecarStatus] !== undefined
}

/** istio/istio cni/pkg/util/enablement_selector.go, and takeover.ts for running sidecars. */
export function membershipOf(
  pod: Pod,
  namespaceLabels: Readonly<Record<string, string>>,
  liveTakeover: boolean,
): Membership {
  const { labels, annotations } = pod.metadata
  const redirection = annotations?.[meshAnnotations.redirection]
  if (hasSidecar(pod)) {
    const takeover = annotations?.[meshAnnotations.takeover]
    const wanted = liveTakeover && wantsTakeover(pod, namespaceLabels)
    if (takeover === 'draining' || takeover === 'idle') {
      return wanted && redirection === 'enabled' ? 'ambient' : 'pending'
    }
    return takeover !== undefined || wanted ? 'pending' : 'sidecar'
  }
  const mode = labels?.[meshLabels.dataplaneMode] ?? namespaceLabels[meshLabels.dataplaneMode]
  const wanted = mode === 'ambient' && !pod.spec.hostNetwork
  if (wanted) return redirection === 'enabled' ? 'ambient' : 'pending'
  return redirection === undefined ? 'excluded' : 'pending'
}

/** Scheduled and given an address: others are captured when they come to life. */
export function isPlaced({ spec, status }: Pod): boolean {
  return spec.nodeName !== undefined && (status?.podIP ?? '') !== ''
}

export async function takesOverLive(client: ClusterClient): Promise<boolean> {
  const sets = await client.list<DaemonSet>(kinds.daemonSet, { labelSelector: 'app=ztunnel' })
  return sets.some(({ metadata }) => metadata.annotations?.[liveTakeoverAnnotation] === 'true')
}

/** The ready ztunnel of every node, the newest where there are two. */
export async function ztunnelsByNode(client: ClusterClient): Promise<ReadonlyMap<string, Pod>> {
  const pods = await client.list<Pod>(kinds.pod, { labelSelector: 'app=ztunnel' })
  const ready = pods
    .filter((pod) => isLive(pod) && isReady(pod) && isOfDaemonSet(pod))
    .sort((a, b) => (a.status?.startTime ?? '').localeCompare(b.status?.startTime ?? ''))
  return new Map(ready.map((pod) => [pod.spec.nodeName ?? '', pod]))
}

/** Anybody may label a pod of theirs so. */
function isOfDaemonSet({ metadata }: Pod): boolean {
  return metadata.ownerReferences?.some(({ kind }) => kind === 'DaemonSet') ?? false
}

export function isReady({ status }: Pod): boolean {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'
}
