import type { Condition, KubeObject } from '../objects.ts'
import { groupOf, type KindDefinition } from './kind-table.ts'

type Remaining = readonly (readonly [KindDefinition, KubeObject])[]

/** What a namespace that is being deleted waits for, in the words of Kubernetes' namespace controller. */
export function remainderOf(
  content: Remaining,
  before: readonly Condition[],
  lastTransitionTime: string,
): readonly Condition[] {
  const kinds = tally(content.map(([kind]) => `${kind.plural}.${groupOf(kind.apiVersion)}`))
  const finalizers = tally(content.flatMap(([, { metadata }]) => metadata.finalizers ?? []))
  const found = [
    {
      type: 'NamespaceContentRemaining',
      some: 'SomeResourcesRemain',
      none: 'ContentRemoved',
      message: `Some resources are remaining: ${kinds.map(([name, count]) => `${name} has ${count} resource instances`).join(', ')}`,
      absent: 'All content successfully removed',
      isLeft: kinds.length > 0,
    },
    {
      type: 'NamespaceFinalizersRemaining',
      some: 'SomeFinalizersRemain',
      none: 'ContentHasNoFinalizers',
      message: `Some content in the namespace has finalizers remaining: ${finalizers.map(([name, count]) => `${name} in ${count} resource instances`).join(', ')}`,
      absent: 'All content-preserving finalizers finished',
      isLeft: finalizers.length > 0,
    },
  ]
  return found.map(({ type, some, none, message, absent, isLeft }): Condition => {
    const status = isLeft ? 'True' : 'False'
    const old = before.find((one) => one.type === type && one.status === status)
    return {
      type,
      status,
      reason: isLeft ? some : none,
      message: isLeft ? message : absent,
      lastTransitionTime: old?.lastTransitionTime ?? lastTransitionTime,
    }
  })
}

function tally(names: readonly string[]): [string, number][] {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1))
}
