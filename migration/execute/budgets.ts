import { matchesSelector } from '../../cluster/controllers/labels.ts'
import { resolveLimit } from '../../cluster/controllers/rollout.ts'
import {
  type DaemonSet,
  type Deployment,
  type DisruptionBudget,
  kinds,
  type StatefulSet,
} from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import type { Call, Step } from '../result/plan.ts'
import { countOf, untilProved } from '../verify/context.ts'
import { nameOf, refOf } from './call.ts'
import { StepFailure } from './refusal.ts'
import { type Run, verifyContext } from './run.ts'

type Workload = Deployment | StatefulSet | DaemonSet

/** Pods that were unavailable for other reasons get this long to come back. */
const waitMs = 10 * 60_000

/**
 * Waits until every PodDisruptionBudget over a workload spares what its rollout is going to take away
 * at a time. Rollouts do not ask budgets by themselves: those guard evictions only.
 */
export async function awaitBudgets(run: Run, step: Step, call: Call): Promise<void> {
  const ref = refOf(call)
  const workload = await run.reader.get<KubeObject & Workload>(ref)
  if (workload === undefined) throw new StepFailure('gone', `${nameOf(ref)} is not there any more`)
  const taken = takenAway(workload)
  if (taken === 0) return
  const { namespace = 'default' } = workload.metadata
  const labels = workload.spec.template.metadata?.labels ?? {}
  await untilProved(verifyContext(run, step, waitMs), async () => {
    const budgets = await run.reader.list<DisruptionBudget>(kinds.disruptionBudget, { namespace })
    const covering = budgets.filter(
      ({ spec }) => spec.selector && matchesSelector(spec.selector, labels),
    )
    const short = covering.find((budget) => allowedBy(budget) < taken)
    if (short === undefined) return { evidence: [] }
    const name = `PodDisruptionBudget ${namespace}/${short.metadata.name}`
    const text = `${name} allows ${countOf(allowedBy(short), 'disruption')} now, the rollout of ${nameOf(ref)} takes ${countOf(taken, 'pod')} away at a time`
    if (neverAllows(short, taken)) {
      throw new StepFailure(
        'unproved',
        `${text}; all its pods are healthy, so it never will: scale the workload up, let it surge (maxUnavailable 0), relax the budget, or restart it by hand`,
      )
    }
    return { missing: text }
  })
}

/** How many pods fewer than wanted there may be at any moment of its rollout. */
export function takenAway(workload: Workload): number {
  if (workload.kind === 'DaemonSet') {
    const { spec, status } = workload as DaemonSet
    const { maxSurge = 0, maxUnavailable = 1 } = spec.updateStrategy?.rollingUpdate ?? {}
    const nodes = status?.desiredNumberScheduled ?? 1
    if (resolveLimit(maxSurge, nodes, 'up') > 0) return 0
    return Math.max(resolveLimit(maxUnavailable, nodes, 'up'), 1)
  }
  const replicas = (workload as Deployment).spec.replicas ?? 1
  if (workload.kind === 'StatefulSet') return Math.min(replicas, 1)
  const { strategy } = (workload as Deployment).spec
  if (strategy?.type === 'Recreate') return replicas
  const { maxSurge, maxUnavailable } = strategy?.rollingUpdate ?? {}
  const missing = resolveLimit(maxUnavailable, replicas, 'down')
  const stuck = missing === 0 && resolveLimit(maxSurge, replicas, 'up') === 0
  return Math.min(stuck ? 1 : missing, replicas)
}

/** A controller that has not looked at the budget yet has allowed nothing. */
function allowedBy({ metadata, status }: DisruptionBudget): number {
  const current = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 1)
  return current ? (status?.disruptionsAllowed ?? 0) : 0
}

function neverAllows({ metadata, status }: DisruptionBudget, taken: number): boolean {
  if (status === undefined) return false
  const current = (status.observedGeneration ?? 0) >= (metadata.generation ?? 1)
  const healthy = status.currentHealthy >= status.expectedPods && status.expectedPods > 0
  return current && healthy && status.expectedPods - status.desiredHealthy < taken
}
