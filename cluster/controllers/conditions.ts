import type { Condition, KubeObject } from '../objects.ts'

/** The condition replaces its namesake; the transition time moves only when the status does. */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  next: Omit<Condition, 'lastTransitionTime'>,
): Condition[] {
  const before = (conditions ?? []).find(({ type }) => type === next.type)
  const lastTransitionTime =
    before?.status === next.status && before.lastTransitionTime
      ? before.lastTransitionTime
      : timestamp()
  return [
    ...(conditions ?? []).filter(({ type }) => type !== next.type),
    { ...next, lastTransitionTime },
  ]
}

export function isTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return (conditions ?? []).some((one) => one.type === type && one.status === 'True')
}

/** Kubernetes times have no fractions of a second. */
export function timestamp(date = new Date()): string {
  return `${date.toISOString().slice(0, 19)}Z`
}

export function isPodReady(pod: KubeObject): boolean {
  const status = pod.status as { conditions?: Condition[] } | undefined
  return isTrue(status?.conditions, 'Ready')
}

export function sameJson(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
