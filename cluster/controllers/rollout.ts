/** One generation of a Deployment's pods. */
export interface Generation {
  readonly name: string
  readonly replicas: number
  readonly available: number
}

export interface RolloutLimits {
  readonly desired: number
  /** Pods allowed above `desired` while replacing. */
  readonly maxSurge: number
  /** Pods that may be missing below `desired` while replacing. */
  readonly maxUnavailable: number
}

/**
 * The next size of every generation in a rolling update: the new one grows as far as the surge
 * allows, old ones shrink (oldest first, unavailable pods first) as far as availability allows.
 * Applied again and again it ends with all pods in the new generation.
 */
export function nextSizes(
  current: Generation,
  old: readonly Generation[],
  { desired, maxSurge, maxUnavailable }: RolloutLimits,
): ReadonlyMap<string, number> {
  const oldReplicas = sum(old.map(({ replicas }) => replicas))
  const room = desired + maxSurge - oldReplicas
  const grown =
    current.replicas > desired
      ? desired
      : Math.max(current.replicas, Math.min(desired, Math.max(room, 0)))
  const sizes = new Map([[current.name, grown]])

  const minAvailable = desired - maxUnavailable
  const newUnavailable = grown - Math.min(current.available, grown)
  let removable = grown + oldReplicas - minAvailable - newUnavailable
  for (const { name, replicas, available } of old) {
    // Pods that serve nobody can always go.
    const useless = Math.max(replicas - available, 0)
    const removed = Math.min(replicas, Math.max(useless, Math.min(replicas, removable)))
    sizes.set(name, replicas - removed)
    removable -= removed
  }
  return sizes
}

/** `25%` of the replicas or a number; surge rounds up and unavailability down, as in Kubernetes. */
export function resolveLimit(
  value: number | string | undefined,
  desired: number,
  round: 'up' | 'down',
): number {
  const given = value ?? '25%'
  if (typeof given === 'number') return given
  const exact = (Number.parseFloat(given) / 100) * desired
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
