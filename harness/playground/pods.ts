import type { ClusterClient } from '../../cluster/client/types.ts'
import { meshAnnotations } from '../../cluster/mesh-labels.ts'
import { gatewayNameLabel } from '../deploy/names.ts'
import { containerStatuses, isReady, type Pod, podKind } from '../deploy/pods.ts'

/**
 * Who stands between a pod and the network: nobody, its own sidecar, the ztunnel of its node; `pending`
 * when a ztunnel is about to. A `waypoint` is a proxy itself.
 */
export type Captor = 'none' | 'sidecar' | 'ztunnel' | 'pending' | 'waypoint'

export interface PodState {
  readonly name: string
  readonly node: string
  readonly phase: string
  readonly ready: boolean
  readonly containersReady: number
  readonly containers: number
  readonly restarts: number
  readonly capturedBy: Captor
}

/**
 * From what a mesh writes on its pods, so that it is the same on any cluster. The ztunnel first: a pod
 * it has taken over may still carry an idle sidecar.
 */
export function captorOf({ metadata }: Pod): Captor {
  if (metadata.labels?.[gatewayNameLabel] !== undefined) return 'waypoint'
  const redirection = metadata.annotations?.[meshAnnotations.redirection]
  if (redirection === 'enabled') return 'ztunnel'
  if (metadata.annotations?.[meshAnnotations.sidecarStatus] !== undefined) return 'sidecar'
  return redirection === 'pending' ? 'pending' : 'none'
}

export function stateOf(pod: Pod): PodState {
  const statuses = containerStatuses(pod)
  return {
    name: pod.metadata.name,
    node: pod.spec.nodeName ?? '',
    phase:
      pod.metadata.deletionTimestamp === undefined
        ? (pod.status?.phase ?? 'Pending')
        : 'Terminating',
    ready: isReady(pod),
    containersReady: statuses.filter(({ ready }) => ready).length,
    containers: (pod.spec.initContainers ?? []).length + pod.spec.containers.length,
    restarts: statuses.reduce((sum, { restartCount }) => sum + restartCount, 0),
    capturedBy: captorOf(pod),
  }
}

/** Follows the pods of a namespace until aborted; `onChange` gets all of them, by name. */
export async function followPods(
  client: ClusterClient,
  namespace: string,
  onChange: (pods: readonly PodState[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const states = new Map<string, PodState>()
  await client.watch<Pod>(
    podKind,
    { namespace },
    ({ type, object }) => {
      const { name } = object.metadata
      const before = states.get(name)
      const now = type === 'DELETED' ? undefined : stateOf(object)
      if (JSON.stringify(before) === JSON.stringify(now)) return
      if (now === undefined) states.delete(name)
      else states.set(name, now)
      onChange([...states.values()].sort((a, b) => a.name.localeCompare(b.name)))
    },
    signal,
  )
}
