import { whatHappened } from '../execute/pods.ts'
import type { PodIdentity } from '../journal/entry.ts'

/** How many of the earlier pods are gone or have begun again since. */
export function restartedBetween(
  before: readonly PodIdentity[],
  after: readonly PodIdentity[],
): number {
  const now = new Map(after.map((pod) => [keyOf(pod), pod]))
  return before
    .filter(({ ended }) => !ended)
    .filter((pod) => whatHappened(pod, now.get(keyOf(pod))) !== undefined).length
}

const keyOf = ({ namespace, name }: PodIdentity): string => `${namespace}/${name}`
