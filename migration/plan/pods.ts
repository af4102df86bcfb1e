import type { Pod } from '../../cluster/kinds.ts'
import { meshAnnotations } from '../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../cluster/objects.ts'

export function hasSidecar({ metadata }: Pick<KubeObject, 'metadata'>): boolean {
  return metadata.annotations?.[meshAnnotations.sidecarStatus] !== undefined
}

export function hasEnded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed'
}

/** Who makes a pod anew: `Deployment/cart`, whose ReplicaSet bears the template's hash; itself if nobody. */
export function workloadOf({ metadata }: Pod): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller)
  if (owner === undefined) return `Pod/${metadata.name}`
  const hash = metadata.labels?.['pod-template-hash']
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return `Deployment/${owner.name.slice(0, -hash.length - 1)}`
  }
  return `${owner.kind}/${owner.name}`
}
