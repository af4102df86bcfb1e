import type { Store } from '../api/store.ts'
import { kinds, type Pod, type PodTemplate } from '../kinds.ts'
import type { KubeObject } from '../objects.ts'
import { isPodReady } from './conditions.ts'
import { isOwnedBy, ownerReference, randomSuffix, refOf } from './ownership.ts'

/** Neither finished nor on its way out. */
export function isActive(pod: Pod): boolean {
  const phase = pod.status?.phase
  return !pod.metadata.deletionTimestamp && phase !== 'Succeeded' && phase !== 'Failed'
}

/** Straight from the store: a copy that lags behind would make a controller create pods twice. */
export function podsOwnedBy(store: Store, owner: KubeObject): Pod[] {
  const selection = owner.metadata.namespace ? { namespace: owner.metadata.namespace } : {}
  return store.list<Pod>(kinds.pod, selection).filter((pod) => isOwnedBy(pod, owner))
}

export function createPod(
  store: Store,
  owner: KubeObject,
  template: PodTemplate,
  extra: Partial<Pod['spec']> = {},
): Pod {
  return store.create<Pod>({
    ...kinds.pod,
    metadata: {
      name: `${owner.metadata.name}-${randomSuffix()}`,
      generateName: `${owner.metadata.name}-`,
      ...(owner.metadata.namespace ? { namespace: owner.metadata.namespace } : {}),
      ...(template.metadata?.labels ? { labels: { ...template.metadata.labels } } : {}),
      ...(template.metadata?.annotations
        ? { annotations: { ...template.metadata.annotations } }
        : {}),
      ownerReferences: [ownerReference(owner)],
    },
    spec: { ...structuredClone(template.spec), ...extra },
  })
}

/** Deletes the pods that are missed least: not placed, then not ready, then the youngest. */
export function deleteSurplus(store: Store, pods: readonly Pod[], count: number): readonly Pod[] {
  const rank = (pod: Pod): number => (pod.spec.nodeName ? 1 : 0) + (isPodReady(pod) ? 2 : 0)
  const age = (pod: Pod): string => pod.metadata.creationTimestamp ?? ''
  const byWorth = [...pods].sort((a, b) => rank(a) - rank(b) || age(b).localeCompare(age(a)))
  const surplus = byWorth.slice(0, Math.max(count, 0))
  for (const pod of surplus) store.delete(refOf(pod))
  return surplus
}
