import { kinds, type ReplicaSet } from '../kinds.ts'
import { Availability } from './availability.ts'
import { isPodReady, sameJson } from './conditions.ts'
import type { Controller, ControllerContext } from './context.ts'
import { createEventRecorder } from './events.ts'
import { createLoop, triggerOn } from './loop.ts'
import { refOf } from './ownership.ts'
import { createPod, deleteSurplus, isActive, podsOwnedBy } from './pods.ts'

/** As many pods as asked for, of one template. */
export function startReplicaSetController({ store, view, onError }: ControllerContext): Controller {
  const record = createEventRecorder(store, 'replicaset-controller')

  const availability = new Availability(() => loop.trigger())

  const reconcile = (set: ReplicaSet): void => {
    const pods = podsOwnedBy(store, set)
    if (set.metadata.deletionTimestamp) return
    const active = pods.filter(isActive)
    const wanted = set.spec.replicas ?? 1
    for (let missing = wanted - active.length; missing > 0; missing -= 1) {
      const { metadata } = createPod(store, set, set.spec.template)
      record(set, { reason: 'SuccessfulCreate', message: `Created pod: ${metadata.name}` })
    }
    for (const { metadata } of deleteSurplus(store, active, active.length - wanted)) {
      record(set, { reason: 'SuccessfulDelete', message: `Deleted pod: ${metadata.name}` })
    }

    const ready = active.filter(isPodReady).length
    const status = {
      observedGeneration: set.metadata.generation ?? 1,
      replicas: active.length,
      readyReplicas: ready,
      availableReplicas: active.filter((pod) =>
        availability.isAvailable(pod, set.spec.minReadySeconds),
      ).length,
    }
    if (sameJson(status, set.status)) return
    store.mutateStatus<ReplicaSet>(refOf(set), (current) => ({ ...current, status }))
  }
  const loop = createLoop(
    () => {
      for (const set of store.list<ReplicaSet>(kinds.replicaSet)) reconcile(set)
    },
    { onError },
  )
  triggerOn(loop, [view.replicaSets, view.pods])
  return {
    stop: async () => {
      availability.stop()
      await loop.stop()
    },
  }
}
