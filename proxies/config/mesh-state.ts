/**
 * What a proxy knows of the mesh. The shape is the YAML of Istio ztunnel's local configuration
 * (istio/ztunnel src/state/{workload,service}.rs, src/rbac.rs, camelCase), so that one file starts
 * either ztunnel. Fields marked "meshbench" have no counterpart there and are optional.
 */
export interface MeshState {
  readonly workloads: readonly Workload[]
  readonly services: readonly Service[]
  readonly policies: readonly AuthorizationPolicy[]
}

/** How an endpoint accepts traffic: inside an HBONE tunnel on port 15008, or as plain TCP. */
export type TunnelProtocol = 'HBONE' | 'TCP'

export interface Workload {
  /** `<cluster>//Pod/<namespace>/<name>`, unique in the mesh. */
  readonly uid: string
  readonly name: string
  readonly namespace: string
  readonly serviceAccount: string
  readonly trustDomain: string
  readonly workloadIps: readonly string[]
  readonly protocol: TunnelProtocol
  readonly node?: string
  readonly workloadName?: string
  readonly workloadType?: 'deployment' | 'cronjob' | 'pod' | 'job'
  readonly canonicalName?: string
  readonly canonicalRevision?: string
  readonly clusterId?: string
  readonly status?: 'Healthy' | 'Unhealthy'
  /** Relative weight for endpoint choice, default 1. */
  readonly capacity?: number
  /** `namespace/hostname` of each service it backs -> service port -> container port. */
  readonly services: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly authorizationPolicies?: readonly string[]
  readonly waypoint?: GatewayAddress
  /** The HBONE belongs to a sidecar, not to a ztunnel capture (istio/ztunnel src/state/workload.rs). */
  readonly nativeTunnel?: boolean
  /** meshbench: `istio` when a sidecar terminates Istio mutual TLS on the container ports themselves. */
  readonly tlsMode?: 'istio'
  /** meshbench: where its HBONE listener is when not on port 15008 of its address. */
  readonly hbonePort?: number
  /**
   * meshbench: port -> where it really is, when its address is only a name (a loopback of one address).
   * Nobody can then bind that address either.
   */
  readonly sockets?: Readonly<Record<string, { readonly host: string; readonly port: number }>>
}

export interface GatewayAddress {
  /** `network/ip` or `namespace/hostname`. */
  readonly destination: string
  readonly hboneMtlsPort: number
}

export type AppProtocol = 'http' | 'http2' | 'grpc' | 'tcp'

export interface Service {
  readonly name: string
  readonly namespace: string
  readonly hostname: string
  /** `network/ip`; the empty network gives `/10.0.0.1`. */
  readonly vips: readonly string[]
  /** Service port -> default target port; an endpoint's own map wins. */
  readonly ports: Readonly<Record<string, number>>
  readonly subjectAltNames?: readonly string[]
  readonly waypoint?: GatewayAddress
  readonly loadBalancer?: {
    readonly routingPreferences: readonly string[]
    readonly mode: 'Standard' | 'Strict' | 'Failover' | 'Passthrough'
    readonly healthPolicy: 'OnlyHealthy' | 'AllowAll'
  }
  /** meshbench: service port -> protocol from `appProtocol` or the port name's prefix; absent = `tcp`. */
  readonly protocols?: Readonly<Record<string, AppProtocol>>
}

/** L4 policy as istiod sends it to ztunnel: rules OR clauses AND matches OR fields AND. */
export interface AuthorizationPolicy {
  readonly name: string
  readonly namespace: string
  readonly scope: 'Global' | 'Namespace' | 'WorkloadSelector'
  readonly action: 'Allow' | 'Deny'
  readonly rules: readonly (readonly (readonly PolicyMatch[])[])[]
  readonly dryRun?: boolean
}

export type StringMatch =
  | { readonly Exact: string }
  | { readonly Prefix: string }
  | { readonly Suffix: string }
  | { readonly Presence: readonly [] }

export interface PolicyMatch {
  readonly namespaces?: readonly StringMatch[]
  readonly notNamespaces?: readonly StringMatch[]
  readonly serviceAccounts?: readonly {
    readonly namespace: string
    readonly serviceAccount: string
  }[]
  readonly notServiceAccounts?: readonly {
    readonly namespace: string
    readonly serviceAccount: string
  }[]
  /** Compared with the SPIFFE id without `spiffe://`. */
  readonly principals?: readonly StringMatch[]
  readonly notPrincipals?: readonly StringMatch[]
  readonly sourceIps?: readonly string[]
  readonly notSourceIps?: readonly string[]
  readonly destinationIps?: readonly string[]
  readonly notDestinationIps?: readonly string[]
  readonly destinationPorts?: readonly number[]
  readonly notDestinationPorts?: readonly number[]
}
