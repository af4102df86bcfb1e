import type { KubeObject } from '../objects.ts'
import { age } from './age.ts'
import { isObject, members, valueAt } from './json.ts'

type Pod = Readonly<KubeObject>

/** Native sidecars count as containers, other init containers do not. */
export function podReady(pod: Pod): string {
  const sidecars = members(valueAt(pod, 'spec.initContainers')).filter(
    ({ restartPolicy }) => restartPolicy === 'Always',
  )
  const total = members(valueAt(pod, 'spec.containers')).length + sidecars.length
  return `${statuses(pod).filter(({ ready }) => ready === true).length}/${total}`
}

/** `3 (2m ago)`: how often, and when last. */
export function podRestarts(pod: Pod, nowMs: number): string {
  const all = statuses(pod)
  const total = all.reduce((sum, { restartCount }) => sum + Number(restartCount ?? 0), 0)
  const last = all
    .map((status) => String(valueAt(status, 'lastState.terminated.finishedAt') ?? ''))
    .toSorted()
    .at(-1)
  return total > 0 && last ? `${total} (${age(last, nowMs)} ago)` : String(total)
}

/** The most telling word: what a container waits for or died of, before the phase of the pod. */
export function podState(pod: Pod): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating'
  for (const { state } of statuses(pod)) {
    for (const [kind, fallback] of [
      ['waiting', undefined],
      ['terminated', 'Terminated'],
    ] as const) {
      const detail = isObject(state) ? state[kind] : undefined
      if (isObject(detail)) {
        const reason = detail.reason ?? fallback
        if (reason !== undefined) return String(reason)
      }
    }
  }
  return String(valueAt(pod, 'status.reason') ?? valueAt(pod, 'status.phase') ?? 'Unknown')
}

function statuses(pod: Pod) {
  const names = members(valueAt(pod, 'spec.initContainers'))
    .filter(({ restartPolicy }) => restartPolicy === 'Always')
    .map(({ name }) => name)
  const init = members(valueAt(pod, 'status.initContainerStatuses'))
  return [
    ...members(valueAt(pod, 'status.containerStatuses')),
    ...init.filter(({ name }) => names.includes(name)),
  ]
}
