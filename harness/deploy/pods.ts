import type { ClusterClient } from '../../cluster/client/types.ts'
import type { Condition, KubeObject } from '../../cluster/objects.ts'
import type { Mode } from '../modes.ts'
import {
  clientNodeOf,
  isAmbient,
  namespaceOf,
  neighbourNamespacesOf,
  serverNodeOf,
} from './names.ts'

/** The parts of Kubernetes objects that the harness reads. */
export interface Pod extends KubeObject {
  spec: {
    nodeName?: string
    containers: readonly { readonly name: string }[]
    initContainers?: readonly { readonly name: string }[]
  }
  status?: {
    phase?: string
    reason?: string
    message?: string
    podIP?: string
    conditions?: readonly Condition[]
    containerStatuses?: readonly ContainerStatus[]
    initContainerStatuses?: readonly ContainerStatus[]
  }
}

export interface ContainerStatus {
  readonly name: string
  readonly ready: boolean
  readonly restartCount: number
  readonly containerID?: string
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string }
    readonly running?: { readonly startedAt?: string }
    readonly terminated?: {
      readonly reason?: string
      readonly exitCode?: number
      readonly message?: string
    }
  }
}

export const podKind = { apiVersion: 'v1', kind: 'Pod' } as const

/** Native sidecars (istio-proxy since Kubernetes 1.29) are listed with the init containers. */
export function containerStatuses(pod: Pod): readonly ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
}

export function isReady(pod: Pod): boolean {
  return (
    pod.metadata.deletionTimestamp === undefined &&
    (pod.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True')
  )
}

/** `load-7d9f is Pending: container istio-proxy waiting, CrashLoopBackOff (exit code 1)`. */
export function describePod(pod: Pod): string {
  const parts = containerStatuses(pod)
    .filter(({ ready }) => !ready)
    .map(({ name, state, restartCount }) => {
      const detail =
        state?.waiting !== undefined
          ? `waiting, ${state.waiting.reason ?? 'no reason given'}${suffix(state.waiting.message)}`
          : state?.terminated !== undefined
            ? `ended with exit code ${state.terminated.exitCode ?? '?'}${suffix(state.terminated.message)}`
            : 'running but not ready'
      return `container ${name} ${detail}${restartCount > 0 ? `, ${restartCount} restarts` : ''}`
    })
  const phase = pod.status?.phase ?? 'not scheduled'
  const why = suffix(pod.status?.message ?? pod.status?.reason)
  return `${pod.metadata.name} is ${phase}${why}${parts.length > 0 ? `: ${parts.join('; ')}` : ''}`
}

function suffix(text: string | undefined): string {
  return text === undefined || text === '' ? '' : ` (${text})`
}

/** The pods of one mode: its namespace, idle copies beside it, and the ztunnels of its nodes. */
export async function listModePods(
  client: ClusterClient,
  mode: Mode,
  workloadsPerNode = 1,
): Promise<Pod[]> {
  const nodes = [clientNodeOf(mode), serverNodeOf(mode)]
  const namespaces = [namespaceOf(mode), ...neighbourNamespacesOf(mode, workloadsPerNode)]
  const [own, ztunnels] = await Promise.all([
    Promise.all(namespaces.map((namespace) => client.list<Pod>(podKind, { namespace }))),
    isAmbient(mode)
      ? client.list<Pod>(podKind, { namespace: 'istio-system', labelSelector: 'app=ztunnel' })
      : [],
  ])
  return [...own.flat(), ...ztunnels.filter(({ spec }) => nodes.includes(spec.nodeName ?? ''))]
}
