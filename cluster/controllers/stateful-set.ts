import type { Store } from '../api/store.ts'
import { kinds, type Pod, type StatefulSet } from '../kinds.ts'
import { Availability } from './availability.ts'
import { isPodReady, sameJson } from './conditions.ts'
import type { Controller, ControllerContext } from './context.ts'
import { createEventRecorder } from './events.ts'
import { createLoop, triggerOn } from './loop.ts'
import { ownerReference, refOf } from './ownership.ts'
import { isActive, podsOwnedBy } from './pods.ts'
import { keepRevisions, revisionLabel } from './revisions.ts'

const nameLabel = 'statefulset.kubernetes.io/pod-name'
const indexLabel = 'apps.kubernetes.io/pod-index'

/**
 * Pods `name-0`, `name-1`, ... that keep their names. One at a time, each only when those before it are
 * ready: started upwards, stopped and replaced downwards.
 */
export function startStatefulSetController(context: ControllerContext): Controller {
  const { store, view, onError } = context
  const record = createEventRecorder(store, 'statefulset-controller')

  const availability = new Availability(() => loop.trigger())
  const isAvailable = (set: StatefulSet, pod: Pod): boolean =>
    isActive(pod) && availability.isAvailable(pod, set.spec.minReadySeconds)

  const reconcile = (set: StatefulSet): void => {
    if (set.metadata.deletionTimestamp) return
    const pods = podsOwnedBy(store, set)
    const { name: revision } = keepRevisions(store, set, pods)
    const wanted = set.spec.replicas ?? 1
    const inOrder = set.spec.podManagementPolicy !== 'Parallel'
    writeStatus(set, pods, revision)

    for (let ordinal = 0; ordinal < wanted; ordinal += 1) {
      const name = `${set.metadata.name}-${ordinal}`
      const pod = pods.find(({ metadata }) => metadata.name === name)
      if (pod === undefined) {
        store.create(podOf(set, ordinal, revision))
        const message = `create Pod ${name} in StatefulSet ${set.metadata.name} successful`
        record(set, { reason: 'SuccessfulCreate', message })
      } else if (!pod.metadata.deletionTimestamp && !isActive(pod)) store.delete(refOf(pod))
      if (inOrder && (pod === undefined || !isAvailable(set, pod))) return
    }
    const surplus = pods
      .filter((pod) => ordinalOf(pod) >= wanted)
      .sort((a, b) => ordinalOf(b) - ordinalOf(a))
    const leaving = surplus.some(({ metadata }) => metadata.deletionTimestamp)
    for (const pod of inOrder ? surplus.slice(0, 1) : surplus) {
      if (!leaving && !pod.metadata.deletionTimestamp) remove(set, pod)
    }
    if (surplus.length === 0) replaceOutdated(set, pods, revision)
  }

  const remove = (set: StatefulSet, pod: Pod): void => {
    store.delete(refOf(pod))
    const message = `delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`
    record(set, { reason: 'SuccessfulDelete', message })
  }

  /** The last first, one after the other, down to the partition. */
  const replaceOutdated = (set: StatefulSet, pods: readonly Pod[], revision: string): void => {
    const { type, rollingUpdate } = set.spec.updateStrategy ?? {}
    if (type === 'OnDelete') return
    if (!pods.every((pod) => isAvailable(set, pod))) return
    const victim = pods
      .filter(({ metadata }) => metadata.labels?.[revisionLabel] !== revision)
      .filter((pod) => ordinalOf(pod) >= (rollingUpdate?.partition ?? 0))
      .sort((a, b) => ordinalOf(b) - ordinalOf(a))[0]
    if (victim) remove(set, victim)
  }

  const writeStatus = (set: StatefulSet, pods: readonly Pod[], revision: string): void => {
    const status = {
      ...statusOf(set, pods.filter(isActive), revision),
      availableReplicas: pods.filter((pod) => isAvailable(set, pod)).length,
    }
    if (sameJson(status, set.status)) return
    store.mutateStatus<StatefulSet>(refOf(set), (current) => ({ ...current, status }))
  }

  const loop = createLoop(() => forEachSet(store, reconcile), { onError })
  triggerOn(loop, [view.statefulSets, view.pods])
  return {
    stop: async () => {
      availability.stop()
      await loop.stop()
    },
  }
}

function forEachSet(store: Store, reconcile: (set: StatefulSet) => void): void {
  for (const set of store.list<StatefulSet>(kinds.statefulSet)) reconcile(set)
}

function podOf(set: StatefulSet, ordinal: number, revision: string): Pod {
  const { template } = set.spec
  const { namespace } = set.metadata
  const name = `${set.metadata.name}-${ordinal}`
  return {
    ...kinds.pod,
    metadata: {
      name,
      generateName: `${set.metadata.name}-`,
      ...(namespace ? { namespace } : {}),
      labels: {
        ...template.metadata?.labels,
        [revisionLabel]: revision,
        [nameLabel]: name,
        [indexLabel]: String(ordinal),
      },
      ...(template.metadata?.annotations ? { annotations: template.metadata.annotations } : {}),
      ownerReferences: [ownerReference(set)],
    },
    spec: { ...structuredClone(template.spec), hostname: name },
  }
}

function statusOf(
  set: StatefulSet,
  pods: readonly Pod[],
  revision: string,
): NonNullable<StatefulSet['status']> {
  const ready = pods.filter(isPodReady).length
  const updated = pods.filter(({ metadata }) => metadata.labels?.[revisionLabel] === revision)
  const replaced = updated.length === pods.length && ready === pods.length
  const current = replaced ? revision : (set.status?.currentRevision ?? revision)
  return {
    observedGeneration: set.metadata.generation ?? 1,
    replicas: pods.length,
    readyReplicas: ready,
    currentReplicas: pods.filter(({ metadata }) => metadata.labels?.[revisionLabel] === current)
      .length,
    updatedReplicas: updated.length,
    currentRevision: current,
    updateRevision: revision,
    collisionCount: 0,
  }
}

function ordinalOf({ metadata }: Pod): number {
  return Number(metadata.name.slice(metadata.name.lastIndexOf('-') + 1))
}
