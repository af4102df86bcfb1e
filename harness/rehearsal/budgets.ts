import type { KubeObject } from '../../cluster/objects.ts'

/** A workload that is rehearsed with fewer replicas than it has. */
export interface Reduced {
  readonly labels: Readonly<Record<string, string>>
  readonly replicas: number
  readonly kept: number
}

interface Budget extends KubeObject {
  readonly spec: {
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> }
    readonly minAvailable?: number | string
  }
}

/** With fewer pods the same number of them may be away, none where none may be. */
export function fittedBudget(object: KubeObject, reduced: readonly Reduced[]): KubeObject {
  const { spec } = object as Budget
  const wanted = Object.entries(spec.selector?.matchLabels ?? {})
  const workload = reduced.find(({ labels }) =>
    wanted.every(([key, value]) => labels[key] === value),
  )
  if (workload === undefined || spec.minAvailable === undefined || wanted.length === 0) {
    return object
  }
  const { replicas, kept } = workload
  const mayBeAway = Math.max(0, replicas - available(spec.minAvailable, replicas))
  return { ...object, spec: { ...spec, minAvailable: Math.max(0, kept - mayBeAway) } }
}

/** A share is rounded up, as the disruption controller does. */
function available(minAvailable: number | string, replicas: number): number {
  if (typeof minAvailable === 'number') return minAvailable
  return Math.ceil((Number.parseFloat(minAvailable) / 100) * replicas)
}
