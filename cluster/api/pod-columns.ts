import type { KubeObject } from '../objects.ts'
import { age } from './age.ts'
import { isObject, type JsonObject, members, valueAt } from './json.ts'

type Pod = Readonly<KubeObject>

/** What `kubectl get pods` says of one, counted as printPod of k8s.io/kubernetes/pkg/printers does. */
interface Summary {
  readonly ready: number
  readonly total: number
  readonly state: string
  readonly restarts: number
  readonly lastRestartAt: string | undefined
}

export function podReady(pod: Pod): string {
  const { ready, total } = summaryOf(pod)
  return `${ready}/${total}`
}

/** `3 (2m ago)`: how often, and when last. */
export function podRestarts(pod: Pod, nowMs: number): string {
  const { restarts, lastRestartAt } = summaryOf(pod)
  return restarts > 0 && lastRestartAt !== undefined
    ? `${restarts} (${age(lastRestartAt, nowMs)} ago)`
    : String(restarts)
}

/** The most telling word: what a container waits for or died of, before the phase of the pod. */
export function podState(pod: Pod): string {
  return summaryOf(pod).state
}

/** `1/2`: those that hold, of those that the pod has. */
export function readinessGates(pod: Pod): string {
  const gates = members(valueAt(pod, 'spec.readinessGates'))
  const held = gates.filter(
    ({ conditionType }) => conditionOf(pod, String(conditionType)) === 'True',
  )
  return gates.length === 0 ? '<none>' : `${held.length}/${gates.length}`
}

function summaryOf(pod: Pod): Summary {
  const { starting, sidecars } = initialisation(pod)
  const containers = members(valueAt(pod, 'status.containerStatuses'))
  const init = members(valueAt(pod, 'status.initContainerStatuses'))
  const total = members(valueAt(pod, 'spec.containers')).length + sidecars.size
  const started = init.filter(
    ({ name, started, ready }) => sidecars.has(name) && started === true && ready === true,
  )
  const initialised = starting === undefined || conditionOf(pod, 'Initialized') === 'True'
  // Restarts of what only prepared the pod are forgotten once it is prepared.
  const counted = initialised
    ? [...init.filter(({ name }) => sidecars.has(name)), ...containers]
    : init
  const running = initialised ? containers.filter(isRunning) : []
  const state = initialised ? wordOf(pod, containers) : starting
  return {
    ready: started.length + running.length,
    total,
    state: leaving(pod) ?? state ?? phaseOf(pod),
    restarts: counted.reduce((sum, { restartCount }) => sum + Number(restartCount ?? 0), 0),
    lastRestartAt: counted
      .flatMap((status) => valueAt(status, 'lastState.terminated.finishedAt') ?? [])
      .map(String)
      .toSorted()
      .at(-1),
  }
}

/** How far the init containers are: the first that is not through says it. */
function initialisation(pod: Pod): {
  readonly starting: string | undefined
  readonly sidecars: ReadonlySet<unknown>
} {
  const specs = members(valueAt(pod, 'spec.initContainers'))
  const sidecars = new Set(
    specs.filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name),
  )
  const statuses = members(valueAt(pod, 'status.initContainerStatuses'))
  for (const [index, status] of statuses.entries()) {
    const terminated = stateOf(status, 'terminated')
    if (terminated?.exitCode === 0) continue
    if (sidecars.has(status.name) && status.started === true) continue
    if (terminated !== undefined) return { starting: `Init:${endOf(terminated)}`, sidecars }
    const reason = stateOf(status, 'waiting')?.reason
    const starting =
      reason !== undefined && reason !== '' && reason !== 'PodInitializing'
        ? `Init:${reason}`
        : `Init:${index}/${specs.length}`
    return { starting, sidecars }
  }
  return { starting: undefined, sidecars }
}

function wordOf(pod: Pod, containers: readonly JsonObject[]): string {
  let word = phaseOf(pod)
  let failure: string | undefined
  for (const status of containers.toReversed()) {
    const reason = stateOf(status, 'waiting')?.reason
    const terminated = stateOf(status, 'terminated')
    if (reason !== undefined && reason !== '') word = String(reason)
    else if (terminated !== undefined) {
      word = endOf(terminated)
      if (terminated.exitCode !== 0) failure = word
    }
  }
  if (word !== 'Completed') return word
  if (!containers.some(isRunning)) return failure ?? word
  return conditionOf(pod, 'Ready') === 'True' ? 'Running' : (failure ?? 'NotReady')
}

function leaving(pod: Pod): string | undefined {
  if (pod.metadata.deletionTimestamp === undefined) return undefined
  if (valueAt(pod, 'status.reason') === 'NodeLost') return 'Unknown'
  const phase = valueAt(pod, 'status.phase')
  return phase === 'Succeeded' || phase === 'Failed' ? undefined : 'Terminating'
}

function phaseOf(pod: Pod): string {
  return String(valueAt(pod, 'status.reason') ?? valueAt(pod, 'status.phase') ?? 'Unknown')
}

function endOf({ reason, signal, exitCode }: JsonObject): string {
  if (reason !== undefined && reason !== '') return String(reason)
  return Number(signal ?? 0) !== 0 ? `Signal:${signal}` : `ExitCode:${exitCode}`
}

function isRunning(status: JsonObject): boolean {
  return status.ready === true && stateOf(status, 'running') !== undefined
}

function stateOf({ state }: JsonObject, kind: string): JsonObject | undefined {
  const detail = isObject(state) ? state[kind] : undefined
  return isObject(detail) ? detail : undefined
}

function conditionOf(pod: Pod, type: string): unknown {
  return members(valueAt(pod, 'status.conditions')).find((it) => it.type === type)?.status
}
