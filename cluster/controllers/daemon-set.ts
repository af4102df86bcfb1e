import { type DaemonSet, kinds, type Node, type Pod } from '../kinds.ts'
import { inProcessAnnotation } from '../mesh-labels.ts'
import { isPodReady, isTrue, sameJson } from './conditions.ts'
import type { Controller, ControllerContext } from './context.ts'
import { createEventRecorder } from './events.ts'
import { hasLabels } from './labels.ts'
import { createLoop, triggerOn } from './loop.ts'
import { hashSuffix, refOf } from './ownership.ts'
import { createPod, isActive, podsOwnedBy } from './pods.ts'

const hashLabel = 'controller-revision-hash'

/** One pod on every node that the template's nodeSelector picks. */
export function startDaemonSetController({ store, view, onError }: ControllerContext): Controller {
  const record = createEventRecorder(store, 'daemonset-controller')

  const reconcile = (set: DaemonSet, nodes: readonly Node[]): void => {
    const { deletionTimestamp, annotations } = set.metadata
    if (deletionTimestamp || annotations?.[inProcessAnnotation]) return
    const pods = podsOwnedBy(store, set)
    const { template } = set.spec
    const revision = hashSuffix(template)
    const eligible = nodes.filter((node) =>
      hasLabels(template.spec.nodeSelector, node.metadata.labels),
    )
    for (const { metadata } of eligible) {
      if (pods.some((pod) => pod.spec.nodeName === metadata.name)) continue
      const labels = { ...template.metadata?.labels, [hashLabel]: revision }
      const current = { ...template, metadata: { ...template.metadata, labels } }
      const pod = createPod(store, set, current, { nodeName: metadata.name })
      record(set, { reason: 'SuccessfulCreate', message: `Created pod: ${pod.metadata.name}` })
    }
    const stray = (pod: Pod): boolean =>
      !eligible.some(({ metadata }) => metadata.name === pod.spec.nodeName)
    for (const pod of pods) if (isActive(pod) && stray(pod)) store.delete(refOf(pod))
    replaceOutdated(set, pods, revision)
    writeStatus(set, pods.filter(isActive), eligible.length, revision, pods.filter(stray).length)
  }

  /** One at a time, and only while all others are ready. */
  const replaceOutdated = (set: DaemonSet, pods: readonly Pod[], revision: string): void => {
    const outdated = pods.filter(
      (pod) => isActive(pod) && pod.metadata.labels?.[hashLabel] !== revision,
    )
    const victim = outdated.find((pod) => !isPodReady(pod)) ?? outdated[0]
    const othersReady = pods.every((pod) => pod === victim || (isActive(pod) && isPodReady(pod)))
    if (victim && othersReady && !set.metadata.deletionTimestamp) store.delete(refOf(victim))
  }

  const writeStatus = (
    set: DaemonSet,
    pods: readonly Pod[],
    desired: number,
    revision: string,
    misscheduled: number,
  ): void => {
    const ready = pods.filter(isPodReady).length
    const status = {
      observedGeneration: set.metadata.generation ?? 1,
      desiredNumberScheduled: desired,
      currentNumberScheduled: pods.length,
      updatedNumberScheduled: pods.filter((pod) => pod.metadata.labels?.[hashLabel] === revision)
        .length,
      numberReady: ready,
      numberAvailable: ready,
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
  return triggerOn(loop, [view.daemonSets, view.nodes, view.pods])
}
