import type { Node, Pod } from '../kinds.ts'
import { isTrue, sameJson, withCondition } from './conditions.ts'
import type { Controller, ControllerContext } from './context.ts'
import { hasLabels } from './labels.ts'
import { createLoop, triggerOn } from './loop.ts'
import { refOf } from './ownership.ts'
import { isActive } from './pods.ts'

/** Places every new pod on the fitting node with the fewest pods; the first by name among equals. */
export function startScheduler({ store, view, onError }: ControllerContext): Controller {
  const schedule = (): void => {
    const pods = view.pods.all()
    const load = new Map<string, number>()
    for (const { spec } of pods.filter(isActive)) {
      if (spec.nodeName) load.set(spec.nodeName, (load.get(spec.nodeName) ?? 0) + 1)
    }
    for (const pod of pods.filter((one) => !one.spec.nodeName && isActive(one))) {
      const node = pickNode(pod, view.nodes.all(), load)
      if (!node) {
        markUnschedulable(pod)
        continue
      }
      load.set(node, (load.get(node) ?? 0) + 1)
      store.mutate<Pod>(refOf(pod), (current) =>
        current.spec.nodeName
          ? undefined
          : { ...current, spec: { ...current.spec, nodeName: node } },
      )
    }
  }

  const markUnschedulable = (pod: Pod): void => {
    const conditions = withCondition(pod.status?.conditions, {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: 'no ready node matches the nodeSelector',
    })
    if (sameJson(conditions, pod.status?.conditions)) return
    store.mutateStatus<Pod>(refOf(pod), (current) => ({
      ...current,
      status: { phase: 'Pending', ...current.status, conditions },
    }))
  }

  return triggerOn(createLoop(schedule, { onError }), [view.pods, view.nodes])
}

function pickNode(
  pod: Pod,
  nodes: readonly Node[],
  load: ReadonlyMap<string, number>,
): string | undefined {
  const fitting = nodes.filter(
    ({ metadata, spec, status }) =>
      !metadata.deletionTimestamp &&
      !spec?.unschedulable &&
      isTrue(status?.conditions, 'Ready') &&
      hasLabels(pod.spec.nodeSelector, metadata.labels),
  )
  const podsOn = (name: string): number => load.get(name) ?? 0
  return fitting
    .map(({ metadata }) => metadata.name)
    .sort((a, b) => podsOn(a) - podsOn(b) || a.localeCompare(b))[0]
}
