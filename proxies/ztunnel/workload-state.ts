import type { MeshIndex } from '../config/mesh-index.ts'
import type { CapturedListener, LocalWorkload } from '../config/process.ts'

interface WorkloadState {
  readonly state: 'Pending' | 'Up'
  readonly info: {
    readonly name: string
    readonly namespace: string
    readonly serviceAccount: string
  }
}

/**
 * Per pod UID whether this ztunnel serves the pod (istio/ztunnel src/inpod/linux/admin.rs): `Up` once
 * it has its HBONE port and every container port that is not excluded, `Pending` before.
 */
export function workloadStates(
  local: readonly LocalWorkload[],
  index: MeshIndex,
  open: readonly CapturedListener[],
): Readonly<Record<string, WorkloadState>> {
  const sockets = new Set(open.map(keyOf))
  return Object.fromEntries(
    local.flatMap(({ uid, podUid, appPorts, excludedPorts = [] }) => {
      const workload = index.workload(uid)
      if (podUid === undefined || workload === undefined) return []
      const { name, namespace, serviceAccount } = workload
      const ports = Object.keys(appPorts).filter((port) => !excludedPorts.includes(Number(port)))
      const wanted = [`${uid} hbone`, ...ports.map((port) => `${uid} ${port}`)]
      const state = wanted.every((key) => sockets.has(key)) ? 'Up' : 'Pending'
      return [[podUid, { state, info: { name, namespace, serviceAccount } }] as const]
    }),
  )
}

function keyOf(listener: CapturedListener): string {
  return `${listener.workloadUid} ${listener.kind === 'inbound' ? listener.port : listener.kind}`
}
