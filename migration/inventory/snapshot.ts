import type { KubeObject } from '../../cluster/objects.ts'
import type { InventoryKind } from './kinds.ts'

/**
 * What was read of a cluster, or of exported files, at one moment. Everything a plan says follows from
 * a snapshot and the options alone, so that checks and plans are pure functions.
 */
export interface Snapshot {
  readonly source: SnapshotSource
  /** ISO 8601. */
  readonly takenAt: string
  /** The namespaces to migrate, as asked for. */
  readonly namespaces: readonly string[]
  /** Where istiod runs: `istio-system`. */
  readonly rootNamespace: string
  /**
   * Objects of all namespaces, by namespace and name. Pods carry only what the checks read.
   * @throws NotReadable when they could not be read: the check that asked is then not evaluated.
   */
  items<T extends KubeObject>(kind: InventoryKind): readonly T[]
  /** What is not an object: ztunnel dumps, metrics, access reviews. Absent from files. */
  readonly probes: Probes
}

export type SnapshotSource =
  | {
      readonly from: 'cluster'
      readonly server: string
      /** `v1.32.1`; of the embedded cluster it ends in `+meshbench`. */
      readonly version: string
      readonly embedded: boolean
    }
  | {
      readonly from: 'files'
      readonly directory: string
      readonly faults: readonly FileFault[]
      /** What had to be taken for granted, in sentences. */
      readonly assumed: readonly string[]
    }

/** Something in exported files that was skipped or is not quite clear. */
export interface FileFault {
  readonly file: string
  readonly line: number
  readonly message: string
}

/** Every member throws NotReadable when it was not or could not be read. */
export interface Probes {
  /** By `verb resource.group` as SelfSubjectAccessReview answers, in the namespace where it matters. */
  allowed(review: AccessQuestion): boolean
  /** Callers of a namespace's services, from `istio_requests_total` and `istio_tcp_connections_opened_total`. */
  callers(namespace: string): readonly Caller[]
  /** Services that a namespace's own pods call, from the same. */
  callees(namespace: string): readonly Callee[]
  /** What the two lists rest on, for reports: `metrics of 4 of 12 proxies, since each of them started`. */
  callersBasis(namespace: string): string
  /** One that may be in a namespace of the system: `kube-system/cilium-config`. */
  configMap(namespace: string, name: string): ConfigMap | undefined
  /** Grafana's; their data is only the mesh metrics they name. */
  dashboards(): readonly ConfigMap[]
}

export interface ConfigMap extends KubeObject {
  data?: Record<string, string>
}

export interface AccessQuestion {
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly subresource?: string
  /** Absent: cluster-wide. */
  readonly namespace?: string
}

export interface Caller {
  readonly namespace: string
  readonly workload: string
  /** `cluster.local/ns/shop/sa/cart`, `unknown` for plaintext. */
  readonly principal: string
  /** Whose service it called. */
  readonly destinationService: string
  readonly protocol: 'http' | 'tcp'
  readonly via: 'sidecar' | 'ztunnel' | 'waypoint' | 'unknown'
}

export interface Callee {
  /** Host of the service: `cart.shop.svc.cluster.local`. */
  readonly service: string
  readonly namespace: string
  readonly workload: string
  readonly protocol: 'http' | 'tcp'
}

/** Thrown by a snapshot for what it does not hold; `message` says why, in words for a report. */
export class NotReadable extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'NotReadable'
  }
}
