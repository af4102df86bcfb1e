import type { MeshIndex } from '../config/mesh-index.ts'
import type { Workload } from '../config/mesh-state.ts'
import type { LocalWorkload } from '../config/process.ts'
import type { Dialler } from '../http/dial-endpoint.ts'
import type { HttpLimits } from '../http/limits.ts'
import type { PodClusters } from '../http/pod-clusters.ts'
import type { ServiceClusters } from '../http/service-clusters.ts'
import type { Sweeper } from '../http/sweeper.ts'
import type { CertificateStore } from '../identity/certificates.ts'
import type { AccessLog } from '../telemetry/access/access-log.ts'
import type { TcpMetrics } from '../telemetry/tcp-metrics.ts'
import type { Bindings } from './bindings.ts'
import type { Decisions } from './decisions.ts'
import type { WaypointTelemetry } from './waypoint-telemetry.ts'

/** The snapshot in force and who the waypoint is in it. */
export interface WaypointView {
  readonly index: MeshIndex
  readonly local: LocalWorkload
  readonly workload: Workload
  readonly decisions: Decisions
}

export interface WaypointContext {
  readonly view: () => WaypointView
  readonly store: CertificateStore
  readonly clusters: ServiceClusters
  readonly pods: PodClusters
  readonly bindings: Bindings
  readonly dialler: Dialler
  readonly telemetry: WaypointTelemetry
  readonly connections: TcpMetrics
  readonly sweeper: Sweeper
  readonly limits: HttpLimits
  readonly accessLog: AccessLog
}
