import type { MeshIndex } from '../config/mesh-index.ts'
import type { Workload } from '../config/mesh-state.ts'
import type { LocalWorkload, ProxyConfig } from '../config/process.ts'
import { ProxyError } from '../errors.ts'
import type { HttpLimits } from '../http/limits.ts'
import type { PodClusters } from '../http/pod-clusters.ts'
import type { ServiceClusters } from '../http/service-clusters.ts'
import type { Sweeper } from '../http/sweeper.ts'
import type { CertificateStore } from '../identity/certificates.ts'
import type { RequestGate } from '../policy/request-gate.ts'
import type { AccessLog } from '../telemetry/access/access-log.ts'
import type { RequestMetrics } from '../telemetry/request-metrics.ts'
import type { TcpMetrics } from '../telemetry/tcp-metrics.ts'

/** The snapshot in force, as this one pod sees it. */
export interface PodView {
  readonly config: ProxyConfig
  readonly index: MeshIndex
  readonly local: LocalWorkload
  readonly workload: Workload
  /** The pod's address, from which its proxy connects too, if it can be bound. */
  readonly source: string | undefined
  /** Our `x-envoy-peer-metadata` lines. */
  readonly metadata: string
  /** Decides what enters; undefined without anything to decide. */
  readonly gate: RequestGate | undefined
}

/** What both directions of a sidecar share. */
export interface SidecarContext {
  /** Ask again for every connection: a new snapshot may have come. */
  readonly view: () => PodView
  readonly store: CertificateStore
  readonly clusters: ServiceClusters
  readonly pods: PodClusters
  readonly requests: RequestMetrics
  readonly connections: TcpMetrics
  readonly sweeper: Sweeper
  readonly limits: HttpLimits
  /** What a connection gets that the configuration no longer allows. */
  readonly drainMs: number
  readonly accessLog: AccessLog
}

/** The one workload that a sidecar stands beside. */
export function localWorkload(
  config: ProxyConfig,
  index: MeshIndex,
): {
  readonly local: LocalWorkload
  readonly workload: Workload
} {
  const [local] = config.local
  const workload = local && index.workload(local.uid)
  if (!local || !workload) {
    throw new ProxyError('CONFIG_INVALID', 'a sidecar needs its own workload in local and state')
  }
  return { local, workload }
}
