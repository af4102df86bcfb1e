import { type DisruptionBudget, kinds, type Pod } from '../kinds.ts'
import { isPodReady, sameJson, withCondition } from './conditions.ts'
import type { Controller, ControllerContext } from './context.ts'
import { matchesSelector } from './labels.ts'
import { createLoop, triggerOn } from './loop.ts'
import { refOf } from './ownership.ts'
import { isActive } from './pods.ts'
import type { ClusterView } from './view.ts'

/** An eviction that was allowed but whose pod is still there after this long is forgotten. */
const evictionTimeoutMs = 2 * 60_000

/** Counts how many pods of each PodDisruptionBudget can be spared; evictions take from that. */
export function startDisruptionBudgetController(context: ControllerContext): Controller {
  const { store, view, onError } = context

  const reconcile = (budget: DisruptionBudget): void => {
    const { namespace } = budget.metadata
    const { selector } = budget.spec
    const pods = store
      .list<Pod>(kinds.pod, namespace ? { namespace } : {})
      .filter((pod) => isActive(pod))
      .filter(({ metadata }) => selector && matchesSelector(selector, metadata.labels))
    const leaving = Object.entries(budget.status?.disruptedPods ?? {}).filter(
      ([name, since]) =>
        pods.some(({ metadata }) => metadata.name === name) &&
        Date.now() - Date.parse(since) < evictionTimeoutMs,
    )
    const isLeaving = ({ metadata }: Pod) => leaving.some(([name]) => name === metadata.name)
    const healthy = pods.filter((pod) => isPodReady(pod) && !isLeaving(pod)).length
    const { expected, desired } = requirement(budget, pods, view)
    const allowed = expected > 0 ? Math.max(healthy - desired, 0) : 0
    const status = {
      observedGeneration: budget.metadata.generation ?? 1,
      expectedPods: expected,
      currentHealthy: healthy,
      desiredHealthy: desired,
      disruptionsAllowed: allowed,
      ...(leaving.length > 0 ? { disruptedPods: Object.fromEntries(leaving) } : {}),
      conditions: withCondition(budget.status?.conditions, {
        type: 'DisruptionAllowed',
        status: allowed > 0 ? 'True' : 'False',
        reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods',
        message: '',
        observedGeneration: budget.metadata.generation ?? 1,
      }),
    }
    if (sameJson(status, budget.status)) return
    store.mutateStatus<DisruptionBudget>(refOf(budget), (current) => ({ ...current, status }))
  }

  const loop = createLoop(
    () => {
      for (const budget of store.list<DisruptionBudget>(kinds.disruptionBudget)) reconcile(budget)
    },
    { onError },
  )
  return triggerOn(loop, [view.disruptionBudgets, view.pods, view.replicaSets, view.statefulSets])
}

function requirement(
  { spec }: DisruptionBudget,
  pods: readonly Pod[],
  view: ClusterView,
): { readonly expected: number; readonly desired: number } {
  if (typeof spec.minAvailable === 'number') {
    return { expected: pods.length, desired: spec.minAvailable }
  }
  const expected = ownersReplicas(pods, view)
  if (spec.minAvailable !== undefined) {
    return { expected, desired: share(spec.minAvailable, expected) }
  }
  const spare = spec.maxUnavailable ?? 0
  const missing = typeof spare === 'number' ? spare : share(spare, expected)
  return { expected, desired: Math.max(expected - missing, 0) }
}

/** How many pods there should be; pods without a controller count for themselves. */
function ownersReplicas(pods: readonly Pod[], view: ClusterView): number {
  const sizes = new Map<string, number>()
  for (const { metadata } of pods) {
    const owner = metadata.ownerReferences?.find(({ controller }) => controller)
    const { name = '', kind, uid } = owner ?? {}
    const informer = kind === 'StatefulSet' ? view.statefulSets : view.replicaSets
    const found = owner && informer.get(name, metadata.namespace)
    const ours = found !== undefined && found.metadata.uid === uid
    sizes.set(uid ?? metadata.uid ?? '', ours ? (found.spec.replicas ?? 1) : 1)
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}

function share(percentage: string, of: number): number {
  return Math.ceil((Number.parseFloat(percentage) / 100) * of)
}
