import { type ClusterError, statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { isObject, type JsonObject, members, valueAt } from './json.ts'
import { type LabelSelector, matchesLabelSelector } from './label-selector.ts'
import type { MemoryStore } from './memory-store.ts'
import type { DeleteOptions } from './store.ts'

const BUDGET = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' }
/** These need no budget: they serve nobody (registry/core/pod/rest/eviction.go). */
const IDLE_PHASES: readonly unknown[] = ['Pending', 'Succeeded', 'Failed', undefined]

/**
 * Deletes a pod unless a PodDisruptionBudget has none left to spare, as `kubectl drain` asks for it.
 * What is spared is taken off the budget at once, so that evictions that come together do not all
 * find the same one to spare.
 */
export function evictPod(
  store: MemoryStore,
  pod: Readonly<KubeObject>,
  eviction: JsonObject,
  isDryRun: boolean,
): JsonObject {
  const { namespace, name, deletionTimestamp } = pod.metadata
  if (valueAt(eviction, 'metadata.name') !== name) {
    throw statusError('BadRequest', 'name in URL does not match name in Eviction object')
  }
  const options = isObject(eviction.deleteOptions) ? eviction.deleteOptions : {}
  const dryRun = isDryRun || (Array.isArray(options.dryRun) && options.dryRun.includes('All'))
  const needsBudget =
    deletionTimestamp === undefined && !IDLE_PHASES.includes(valueAt(pod, 'status.phase'))
  if (needsBudget) {
    const budgets = store
      .list(BUDGET, namespace === undefined ? {} : { namespace })
      .filter((budget) => covers(budget, pod))
    if (budgets.length > 1) {
      const message =
        'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'
      throw statusError('InternalError', message)
    }
    for (const budget of budgets) {
      if (!isSpared(budget, pod)) spend(store, budget, name, dryRun)
    }
  }
  store.delete(
    { apiVersion: 'v1', kind: 'Pod', name, ...(namespace && { namespace }) },
    { ...deletion(options), dryRun },
  )
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }
}

function deletion({ gracePeriodSeconds, preconditions }: JsonObject): DeleteOptions {
  return {
    ...(typeof gracePeriodSeconds === 'number' && { gracePeriodSeconds }),
    ...(isObject(preconditions) && { preconditions }),
  }
}

function covers(budget: KubeObject, pod: Readonly<KubeObject>): boolean {
  const selector = valueAt(budget, 'spec.selector')
  return matchesLabelSelector(selector as LabelSelector | undefined, pod.metadata.labels)
}

/** A pod that is not ready is none of those that the budget counts on. */
function isSpared(budget: KubeObject, pod: Readonly<KubeObject>): boolean {
  const ready = members(valueAt(pod, 'status.conditions')).find(({ type }) => type === 'Ready')
  if (ready?.status === 'True') return false
  if (valueAt(budget, 'spec.unhealthyPodEvictionPolicy') === 'AlwaysAllow') return true
  const desired = Number(valueAt(budget, 'status.desiredHealthy') ?? 0)
  return desired > 0 && Number(valueAt(budget, 'status.currentHealthy') ?? 0) >= desired
}

function spend(store: MemoryStore, budget: KubeObject, pod: string, dryRun: boolean): void {
  const status = isObject(budget.status) ? budget.status : {}
  const { generation = 0 } = budget.metadata
  if (Number(status.observedGeneration ?? 0) < generation) {
    throw tooMany(budget, 'The disruption budget has not been looked at yet')
  }
  const allowed = Number(status.disruptionsAllowed ?? 0)
  if (allowed < 1) {
    const { currentHealthy = 0, desiredHealthy = 0 } = status
    const why = `The disruption budget ${budget.metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`
    throw tooMany(budget, why)
  }
  if (dryRun) return
  const disruptedPods = isObject(status.disruptedPods) ? status.disruptedPods : {}
  const now = `${new Date().toISOString().slice(0, 19)}Z`
  store.updateStatus({
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: allowed - 1,
      disruptedPods: { ...disruptedPods, [pod]: now },
    },
  })
}

function tooMany({ metadata }: KubeObject, why: string): ClusterError {
  const message = "Cannot evict pod as it would violate the pod's disruption budget."
  const causes = [{ reason: 'DisruptionBudget', message: why, field: '' }]
  return statusError('TooManyRequests', message, { name: metadata.name, causes })
}
