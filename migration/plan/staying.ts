import type { Pod } from '../../cluster/kinds.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Plan } from '../result/plan.ts'
import { readable } from './mesh.ts'
import { hasEnded, hasSidecar, workloadOf } from './pods.ts'

/** Pods that keep a sidecar, by the workload that made them: `Deployment/cart`, `Pod/debug`. */
export function sidecarWorkloads(
  snapshot: Snapshot,
  namespaces: readonly string[],
  restarted: ReadonlySet<string>,
): Plan['staying'] {
  const counts = new Map<string, Plan['staying'][number]>()
  for (const pod of readable(() => snapshot.items<Pod>('pod'))) {
    const { namespace = 'default' } = pod.metadata
    if (!namespaces.includes(namespace) || !hasSidecar(pod) || hasEnded(pod)) continue
    if (restarted.has(`${namespace}/${pod.metadata.name}`)) continue
    const workload = workloadOf(pod)
    const key = `${namespace}/${workload}`
    counts.set(key, { namespace, workload, pods: (counts.get(key)?.pods ?? 0) + 1 })
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count)
}
