import type { L7Config } from './l7.ts'
import type { MeshState } from './mesh-state.ts'

/**
 * Everything a running proxy process is told, whether it comes over the IPC channel of a node agent
 * or from a file. Always a whole snapshot; a higher `version` replaces a lower one.
 */
export interface ProxyConfig {
  readonly kind: ProxyKind
  readonly version: number
  readonly trustDomain: string
  /** The proxy's own pod. */
  readonly pod: { readonly name: string; readonly namespace: string; readonly ip: string }
  readonly node: string
  readonly state: MeshState
  /** The workloads this process stands in for: one for a sidecar, all captured pods of a node for a
   * ztunnel, itself for a waypoint. */
  readonly local: readonly LocalWorkload[]
  /** At least one for every identity in `local`. Replaced as a whole on rotation. */
  readonly certificates: readonly WorkloadCertificate[]
  readonly admin: AdminAddresses
  /** Only for sidecars and waypoints. */
  readonly l7?: L7Config
  /** The same; absent: off. */
  readonly accessLog?: AccessLogConfig
}

/** One line per request, or per connection that is not looked into. */
export interface AccessLogConfig {
  readonly output: 'stdout' | 'stderr'
  readonly encoding: 'TEXT' | 'JSON'
  /** Text, or an object in JSON, in Envoy's command operators; absent: Istio's. */
  readonly format?: string
  /** For a sidecar: what its application sends, and what it is sent. For a waypoint only the latter. */
  readonly outbound: boolean
  readonly inbound: boolean
}

export type ProxyKind = 'sidecar' | 'ztunnel' | 'waypoint'

export interface SocketAddress {
  readonly host: string
  readonly port: number
}

export interface LocalWorkload {
  /** `uid` of the workload in `state`. */
  readonly uid: string
  /** metadata.uid of the pod, by which `/config_dump` tells its state. */
  readonly podUid?: string
  /** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
  readonly identity: string
  /** Container port -> where the application itself listens, reachable without passing any capture. */
  readonly appPorts: Readonly<Record<string, SocketAddress>>
  /** Container ports that the application serves itself: nobody captures them. */
  readonly excludedPorts?: readonly number[]
  /** Whether plaintext from outside the mesh is let in (PeerAuthentication). */
  readonly mtlsMode: 'PERMISSIVE' | 'STRICT'
  /** For a sidecar, when its container ports differ in this. */
  readonly portMtlsModes?: Readonly<Record<string, 'PERMISSIVE' | 'STRICT'>>
}

export interface WorkloadCertificate {
  readonly identity: string
  /** Leaf first, then intermediates, PEM. */
  readonly certChainPem: string
  readonly privateKeyPem: string
  readonly rootsPem: string
  /** Epoch milliseconds. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** Bound once at start, as in Istio: admin 15000 on loopback, metrics 15020, readiness 15021. */
export interface AdminAddresses {
  readonly admin: SocketAddress
  readonly stats: SocketAddress
  readonly readiness: SocketAddress
}

/**
 * A listening socket captured for a workload. The node agent binds it and sends the handle along with
 * the descriptor; the proxy sees the same facts that iptables and SO_ORIGINAL_DST give in a pod's
 * network namespace: who connects out, or which container port was addressed.
 */
export type CapturedListener =
  | {
      readonly id: string
      readonly kind: 'outbound'
      /** The pod whose outgoing connections arrive here. */
      readonly workloadUid: string
      /** What the application meant to reach: a service VIP and port, or a pod address. */
      readonly originalDestination: SocketAddress
    }
  | {
      readonly id: string
      readonly kind: 'inbound'
      readonly workloadUid: string
      /** Container port: plaintext for a ztunnel (its 15006), mutual TLS or plaintext for a sidecar. */
      readonly port: number
    }
  | {
      readonly id: string
      readonly kind: 'hbone'
      /** Port 15008 of this pod. For a waypoint its own. */
      readonly workloadUid: string
    }

/**
 * Agent -> proxy. `listen` and `unlisten` have the same shape for applications (workloads/sockets.ts),
 * so a node agent moves a socket without caring who owns it.
 */
export type ProxyCommand =
  | { readonly type: 'config'; readonly config: ProxyConfig }
  /** Carries the bound socket as the message's handle. */
  | { readonly type: 'listen'; readonly id: string; readonly listener: CapturedListener }
  /** Stop accepting on it at once, let its live connections run for at most `drainMs`, then cut them. */
  | { readonly type: 'unlisten'; readonly id: string; readonly drainMs: number }

/** Proxy -> agent. A process that loses its IPC channel exits at once. SIGTERM drains and exits. */
export type ProxyReport =
  /** First message: the process is up and waits for its configuration. */
  | { readonly type: 'started' }
  | { readonly type: 'applied'; readonly version: number }
  /** Connections it had begun by an earlier snapshot have been made or have failed. */
  | { readonly type: 'settled'; readonly version: number }
  | { readonly type: 'listening'; readonly id: string }
  /** It no longer accepts on this socket; live connections may still be draining. */
  | { readonly type: 'unlistened'; readonly id: string }
  | { readonly type: 'failed'; readonly id?: string; readonly message: string }
