import type { Container, ContainerStatus, Pod } from '../kinds.ts'
import { meshAnnotations } from '../mesh-labels.ts'
import type { Controller, ControllerContext } from './context.ts'
import { createEventRecorder, type EventNote } from './events.ts'

type Note = (note: EventNote) => void

/**
 * The story of every pod, told from what changes in it: whoever writes a pod's status need not think of
 * events.
 */
export function startPodEvents({ store, view }: ControllerContext): Controller {
  const scheduler = createEventRecorder(store, 'default-scheduler')
  const kubelet = createEventRecorder(store, 'kubelet')
  const mesh = createEventRecorder(store, 'istio-cni-node')
  const injector = createEventRecorder(store, 'sidecar-injector')
  const told = new Map<string, Pod>()

  const tell = (pod: Pod, deleted: boolean): void => {
    const uid = pod.metadata.uid ?? ''
    const before = told.get(uid)
    if (deleted) told.delete(uid)
    else told.set(uid, pod)
    if (deleted) return
    const host = pod.spec.nodeName ?? ''
    if (before === undefined) tellInjection(pod, (note) => injector(pod, note))
    tellPlacement(pod, before, (note) => scheduler(pod, note))
    tellContainers(pod, before, (note) => kubelet(pod, { ...note, host }))
    tellCapture(pod, before, (note) => mesh(pod, { ...note, host }))
  }
  // Later, so that what an event says is stored after what it is about.
  let stopped = false
  const queue: [Pod, boolean][] = []
  view.pods.onChange((pod, deleted) => {
    if (queue.push([pod, deleted]) > 1) return
    setImmediate(() => {
      for (const [changed, gone] of queue.splice(0)) if (!stopped) tell(changed, gone)
    })
  })
  return {
    stop: async () => {
      stopped = true
    },
  }
}

function tellInjection(pod: Pod, note: Note): void {
  if (pod.metadata.annotations?.[meshAnnotations.sidecarStatus] === undefined) return
  note({ reason: 'Injected', message: 'Added the sidecar container istio-proxy' })
}

function tellPlacement(pod: Pod, before: Pod | undefined, note: Note): void {
  const { namespace, name } = pod.metadata
  const node = pod.spec.nodeName
  if (node !== undefined && before?.spec.nodeName === undefined) {
    note({ reason: 'Scheduled', message: `Successfully assigned ${namespace}/${name} to ${node}` })
  }
  const refusal = (of: Pod | undefined) =>
    of?.status?.conditions?.find(
      ({ type, status }) => type === 'PodScheduled' && status === 'False',
    )
  const message = refusal(pod)?.message
  if (message !== undefined && message !== refusal(before)?.message) {
    note({ type: 'Warning', reason: 'FailedScheduling', message })
  }
}

function tellContainers(pod: Pod, before: Pod | undefined, note: Note): void {
  const all = containersOf(pod)
  const leaving = pod.metadata.deletionTimestamp !== undefined
  for (const { container, status, fieldPath } of all) {
    const old = containersOf(before).find((one) => one.container.name === container.name)?.status
    const say = (reason: string, message: string, type: EventNote['type'] = 'Normal') =>
      note({ type, reason, message, fieldPath })
    if (leaving && before?.metadata.deletionTimestamp === undefined && status?.state.running) {
      say('Killing', `Stopping container ${container.name}`)
    }
    if (status !== undefined) tellChange(container, status, old, leaving, say)
  }
}

function tellChange(
  { name, image }: Container,
  now: ContainerStatus,
  before: ContainerStatus | undefined,
  leaving: boolean,
  say: (reason: string, message: string, type?: EventNote['type']) => void,
): void {
  const { running, waiting } = now.state
  const isNewRun = before?.state.running === undefined || before.restartCount !== now.restartCount
  if (running !== undefined && isNewRun) {
    say('Pulled', `Container image "${image}" already present on machine`)
    say('Created', `Created container: ${name}`)
    say('Started', `Started container ${name}`)
  }
  if (waiting !== undefined && waiting.reason !== before?.state.waiting?.reason) {
    if (waiting.reason === 'CrashLoopBackOff') {
      say('BackOff', `Back-off restarting failed container ${name}`, 'Warning')
    } else if (waiting.reason.startsWith('Err')) {
      say('Failed', waiting.message ?? `${waiting.reason}: ${image}`, 'Warning')
    }
  }
  const ended = now.state.terminated ?? (isNewRun ? now.lastState.terminated : undefined)
  const known = before?.state.terminated ?? before?.lastState.terminated
  if (ended !== undefined && ended.finishedAt !== known?.finishedAt && ended.exitCode !== 0) {
    if (!leaving) say('Exited', `Container ${name} exited with code ${ended.exitCode}`, 'Warning')
  }
  if (before?.ready && !now.ready && running !== undefined && !isNewRun && !leaving) {
    say('Unhealthy', `Readiness probe of container ${name} failed`, 'Warning')
  }
}

function tellCapture(pod: Pod, before: Pod | undefined, note: Note): void {
  const state = pod.metadata.annotations?.[meshAnnotations.redirection]
  const old = before?.metadata.annotations?.[meshAnnotations.redirection]
  if (state === old) return
  if (state === 'enabled') {
    note({ reason: 'Captured', message: 'Its traffic goes through the ztunnel of its node' })
  } else if (state === 'pending') {
    note({ reason: 'CapturePending', message: 'Waiting for the ztunnel of its node' })
  } else note({ reason: 'Released', message: 'Its traffic no longer goes through a ztunnel' })
}

function containersOf(pod: Pod | undefined): {
  readonly container: Container
  readonly status: ContainerStatus | undefined
  readonly fieldPath: string
}[] {
  const { initContainerStatuses = [], containerStatuses = [] } = pod?.status ?? {}
  const statuses = [...initContainerStatuses, ...containerStatuses]
  const named = (list: string, containers: readonly Container[] = []) =>
    containers.map((container) => ({
      container,
      status: statuses.find(({ name }) => name === container.name),
      fieldPath: `spec.${list}{${container.name}}`,
    }))
  return [
    ...named('initContainers', pod?.spec.initContainers),
    ...named('containers', pod?.spec.containers),
  ]
}
