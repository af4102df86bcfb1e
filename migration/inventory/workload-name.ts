import type { Pod } from '../../cluster/kinds.ts'

export interface WorkloadRef {
  /** `Deployment`, `StatefulSet`, ...; `Pod` for one that nobody owns. */
  readonly kind: string
  readonly name: string
}

/** Who made a pod. A ReplicaSet of a Deployment is named after it and the hash on its pods. */
export function workloadOf({ metadata }: Pod): WorkloadRef {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller !== false)
  if (owner === undefined) return { kind: 'Pod', name: metadata.name }
  const hash = metadata.labels?.['pod-template-hash']
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return { kind: 'Deployment', name: owner.name.slice(0, -hash.length - 1) }
  }
  return { kind: owner.kind, name: owner.name }
}
