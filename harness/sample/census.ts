import { gatewayNameLabel, generatorName } from '../deploy/names.ts'
import { type ContainerStatus, containerStatuses, type Pod } from '../deploy/pods.ts'
import type { Role } from '../modes.ts'

/** A process whose cost is counted, and for whom. */
export interface TrackedProcess {
  readonly pid: number
  readonly role: Role
  /** `mb-sidecar/load-7d9f/istio-proxy`; the same container after a restart has the same owner. */
  readonly owner: string
}

const containerIdScheme = 'process://'

/**
 * Finds the processes behind pods. The embedded cluster says `process://PID` where a container runtime
 * says `containerd://HASH`; containers of other runtimes are not in the list.
 */
export function takeCensus(pods: readonly Pod[]): TrackedProcess[] {
  return pods.flatMap((pod) =>
    containerStatuses(pod).flatMap((container) => {
      const pid = pidOf(container)
      if (pid === undefined) return []
      const owner = `${pod.metadata.namespace}/${pod.metadata.name}/${container.name}`
      return [{ pid, role: roleOf(pod, container.name), owner }]
    }),
  )
}

function pidOf({ containerID, state }: ContainerStatus): number | undefined {
  if (state?.running === undefined || containerID?.startsWith(containerIdScheme) !== true) {
    return undefined
  }
  const pid = Number(containerID.slice(containerIdScheme.length))
  return Number.isInteger(pid) && pid > 0 ? pid : undefined
}

export function roleOf(pod: Pod, container: string): Role {
  const labels = pod.metadata.labels ?? {}
  if (labels.app === 'ztunnel') return 'ztunnel'
  // A waypoint's container is called istio-proxy too, so the pod's label decides first.
  if (labels[gatewayNameLabel] !== undefined) return 'waypoint'
  if (container === 'istio-proxy') return 'sidecar'
  return labels.app === generatorName ? 'generator' : 'app'
}
