import { timestamp, withCondition } from '../controllers/conditions.ts'
import type { ContainerStatus, Pod, PodStatus } from '../kinds.ts'

export interface PodFacts {
  readonly podIp: string
  readonly startedAt: Date
  /** Init containers are done and native sidecars started. */
  readonly initialized: boolean
  readonly initContainers: readonly ContainerStatus[]
  readonly containers: readonly ContainerStatus[]
  /** Whether its sockets are with whom they should be; else why not. */
  readonly network: 'served' | { readonly reason: string; readonly message: string }
  /** Exit codes once every container has ended for good. */
  readonly exitCodes: readonly number[] | undefined
}

/** A pod's status as kubelet writes it. */
export function podStatus(pod: Pod, facts: PodFacts): PodStatus {
  const { podIp, initialized, containers, initContainers, network, exitCodes } = facts
  const unready = [
    ...containers,
    ...initContainers.filter(({ name }) => isSidecar(pod, name)),
  ].filter(({ ready }) => !ready)
  const completed = exitCodes !== undefined
  const containersReady = initialized && unready.length === 0
  const served = network === 'served'
  let conditions = withCondition(pod.status?.conditions, { type: 'PodScheduled', status: 'True' })
  conditions = withCondition(conditions, {
    type: 'Initialized',
    status: initialized ? 'True' : 'False',
    ...(initialized ? {} : { reason: 'ContainersNotInitialized' }),
  })
  const why = completed
    ? { reason: 'PodCompleted' }
    : {
        reason: 'ContainersNotReady',
        message: `containers with unready status: [${unready.map(({ name }) => name).join(' ')}]`,
      }
  conditions = withCondition(conditions, {
    type: 'ContainersReady',
    status: containersReady ? 'True' : 'False',
    ...(containersReady ? {} : why),
  })
  conditions = withCondition(conditions, {
    type: 'Ready',
    status: containersReady && served ? 'True' : 'False',
    ...(containersReady ? (served ? {} : network) : why),
  })
  return {
    ...pod.status,
    phase: phaseOf(containers, exitCodes),
    podIP: podIp,
    podIPs: [{ ip: podIp }],
    hostIP: '127.0.0.1',
    startTime: timestamp(facts.startedAt),
    conditions,
    ...(initContainers.length > 0 ? { initContainerStatuses: [...initContainers] } : {}),
    containerStatuses: [...containers],
  }
}

function phaseOf(
  containers: readonly ContainerStatus[],
  exitCodes: readonly number[] | undefined,
): NonNullable<PodStatus['phase']> {
  if (exitCodes) return exitCodes.every((code) => code === 0) ? 'Succeeded' : 'Failed'
  const begun = containers.every(({ state }) => state.waiting?.reason !== 'ContainerCreating')
  return begun ? 'Running' : 'Pending'
}

export function isSidecar(pod: Pod, name: string): boolean {
  const container = pod.spec.initContainers?.find((one) => one.name === name)
  return container?.restartPolicy === 'Always'
}
