import { type DaemonSet, kinds, type Node, type Pod } from '../kinds.ts'
import { inProcessAnnotation } from '../mesh-labels.ts'
import { Availability } from './availability.ts'
import { isPodReady, isTrue, sameJson } from './conditions.ts'
import type { Controller, ControllerContext } from './context.ts'
import { type DaemonGeneration, replaceBySurge, replaceInPlace } from './daemon-set-rollout.ts'
import { createEventRecorder } from './events.ts'
import { hasLabels } from './labels.ts'
import { createLoop, triggerOn } from './loop.ts'
import { refOf } from './ownership.ts'
import { createPod, isActive, podsOwnedBy } from './pods.ts'
import { keepRevisions, revisionLabel } from './revisions.ts'
import { resolveLimit } from './rollout.ts'

/** One pod on every node that the template's nodeSelector picks. */
export function startDaemonSetController({ store, view, onError }: ControllerContext): Controller {
  const record = createEventRecorder(store, 'daemonset-controller')

  const availability = new Availability(() => loop.trigger())

  const reconcile = (set: DaemonSet, nodes: readonly Node[]): void => {
    const { deletionTimestamp, annotations } = set.metadata
    if (deletionTimestamp || annotations?.[inProcessAnnotation]) return
    const pods = podsOwnedBy(store, set)
    const { template } = set.spec
    const { hash } = keepRevisions(store, set, pods)
    const eligible = nodes.filter((node) =>
      hasLabels(template.spec.nodeSelector, node.metadata.labels),
    )
    const isCurrent = (pod: Pod): boolean => pod.metadata.labels?.[revisionLabel] === hash
    const create = (nodeName: string): void => {
      const labels = { ...template.metadata?.labels, [revisionLabel]: hash }
      const current = { ...template, metadata: { ...template.metadata, labels } }
      const pod = createPod(store, set, current, { nodeName })
      record(set, { reason: 'SuccessfulCreate', message: `Created pod: ${pod.metadata.name}` })
    }
    const names = eligible.map(({ metadata }) => metadata.name)
    for (const name of names) if (!pods.some((pod) => pod.spec.nodeName === name)) create(name)
    const stray = (pod: Pod): boolean =>
      !eligible.some(({ metadata }) => metadata.name === pod.spec.nodeName)
    for (const pod of pods) if (isActive(pod) && stray(pod)) store.delete(refOf(pod))
    const isAvailable = (pod: Pod): boolean =>
      availability.isAvailable(pod, set.spec.minReadySeconds)
    const generation = { nodes: names, pods, isCurrent, isAvailable }
    const surge = resolveLimit(
      set.spec.updateStrategy?.rollingUpdate?.maxSurge ?? 0,
      names.length,
      'up',
    )
    const next = surge > 0 ? replaceBySurge(generation, surge) : replaceInPlace(generation)
    for (const name of next.create) create(name)
    for (const pod of next.remove) store.delete(refOf(pod))
    writeStatus(set, generation, pods.filter(stray).length)
  }

  /** Counts nodes: one that has an old and a new pod for a while counts once. */
  const writeStatus = (
    set: DaemonSet,
    { nodes, pods, isCurrent, isAvailable }: DaemonGeneration,
    misscheduled: number,
  ): void => {
    const count = (matches: (pod: Pod) => boolean): number =>
      nodes.filter((node) =>
        pods.some((pod) => pod.spec.nodeName === node && isActive(pod) && matches(pod)),
      ).length
    const status = {
      observedGeneration: set.metadata.generation ?? 1,
      desiredNumberScheduled: nodes.length,
      currentNumberScheduled: count(() => true),
      updatedNumberScheduled: count(isCurrent),
      numberReady: count(isPodReady),
      numberAvailable: count(isAvailable),
      numberMisscheduled: misscheduled,
    }
    if (sameJson(status, set.status)) return
    store.mutateStatus<DaemonSet>(refOf(set), (current) => ({ ...current, status }))
  }

  const loop = createLoop(
    () => {
      const nodes = view.nodes
        .all()
        .filter(
          ({ metadata, status }) =>
            !metadata.deletionTimestamp && isTrue(status?.conditions, 'Ready'),
        )
      for (const set of store.list<DaemonSet>(kinds.daemonSet)) reconcile(set, nodes)
    },
    { onError },
  )
  triggerOn(loop, [view.daemonSets, view.nodes, view.pods])
  return {
    stop: async () => {
      availability.stop()
      await loop.stop()
    },
  }
}
