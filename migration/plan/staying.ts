import type { Pod } from '../../cluster/kinds.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Plan } from '../result/plan.ts'
import { hasSidecar } from './decide-intent.ts'
import { readable } from './mesh.ts'

/** Pods with a sidecar, by the workload that made them: `Deployment/cart`, `Pod/debug`. */
export function sidecarWorkloads(
  snapshot: Snapshot,
  namespaces: readonly string[],
): Plan['staying'] {
  const counts = new Map<string, Plan['staying'][number]>()
  for (const pod of readable(() => snapshot.items<Pod>('pod'))) {
    const { namespace = 'default' } = pod.metadata
    if (!namespaces.includes(namespace) || !hasSidecar(pod) || hasEnded(pod)) continue
    const workload = workloadOf(pod)
    const key = `${namespace}/${workload}`
    counts.set(key, { namespace, workload, pods: (counts.get(key)?.pods ?? 0) + 1 })
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count)
}

export function hasEnded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed'
}

/** A Deployment's pod belongs to a ReplicaSet named after it and the template's hash. */
export function workloadOf({ metadata }: Pod): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller)
  if (owner === undefined) return `Pod/${metadata.name}`
  const hash = metadata.labels?.['pod-template-hash']
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return `Deployment/${owner.name.slice(0, -hash.length - 1)}`
  }
  return `${owner.kind}/${owner.name}`
}
