import { type DaemonSet, type Deployment, kinds } from '../kinds.ts'
import { inProcessAnnotation } from '../mesh-labels.ts'
import { isTrue, sameJson, withCondition } from './conditions.ts'
import type { Controller, ControllerContext } from './context.ts'
import { createLoop, triggerOn } from './loop.ts'
import { refOf } from './ownership.ts'

/** Writes the status of workloads that stand for parts of this process: they run for as long as it does. */
export function startInProcessWorkloads({ store, view, onError }: ControllerContext): Controller {
  const reconcile = (): void => {
    for (const deployment of store.list<Deployment>(kinds.deployment)) {
      if (!deployment.metadata.annotations?.[inProcessAnnotation]) continue
      const status = deploymentStatus(deployment)
      if (sameJson(status, deployment.status)) continue
      store.mutateStatus<Deployment>(refOf(deployment), (current) => ({ ...current, status }))
    }
    const nodes = view.nodes
      .all()
      .filter(({ status }) => isTrue(status?.conditions, 'Ready')).length
    for (const set of store.list<DaemonSet>(kinds.daemonSet)) {
      if (!set.metadata.annotations?.[inProcessAnnotation]) continue
      const status = {
        observedGeneration: set.metadata.generation ?? 1,
        desiredNumberScheduled: nodes,
        currentNumberScheduled: nodes,
        updatedNumberScheduled: nodes,
        numberReady: nodes,
        numberAvailable: nodes,
        numberMisscheduled: 0,
      }
      if (sameJson(status, set.status)) continue
      store.mutateStatus<DaemonSet>(refOf(set), (current) => ({ ...current, status }))
    }
  }
  const loop = createLoop(reconcile, { onError })
  return triggerOn(loop, [view.deployments, view.daemonSets, view.nodes])
}

function deploymentStatus({ metadata, spec, status }: Deployment): Deployment['status'] {
  const replicas = spec.replicas ?? 1
  return {
    observedGeneration: metadata.generation ?? 1,
    replicas,
    updatedReplicas: replicas,
    readyReplicas: replicas,
    availableReplicas: replicas,
    conditions: withCondition(status?.conditions, {
      type: 'Available',
      status: 'True',
      reason: 'InProcess',
      message: 'It is a part of the meshbench process.',
    }),
  }
}
