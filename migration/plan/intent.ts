/** What the user asked for. */
export interface PlanOptions {
  readonly namespaces: readonly string[]
  /** Convert sidecar pods by rolling restarts too. @default false */
  readonly restartWorkloads: boolean
  /** `auto`: only where a policy or route needs L7. @default 'auto' */
  readonly waypoint: 'auto' | 'always' | 'never'
  /** @default 'waypoint' */
  readonly waypointName: string
  /** Findings the user accepts: `MB053` or `MB053=AuthorizationPolicy shop/ext-authz`. */
  readonly accept: readonly string[]
  /** Prove it at the access logs of ztunnels too: verification level L5. @default false */
  readonly probe: boolean
  /** Of the canary that makes requests for it: any with a shell and curl. The embedded cluster has one. */
  readonly probeImage?: string
  /** Delete policies and routes that only sidecars went by, once there are none. @default false */
  readonly cleanUp?: boolean
  /** Have pods refuse whoever comes past the waypoint, once nobody needs to. @default false */
  readonly protectFromBypass?: boolean
  /** Who may all the same: `monitoring/prometheus` (namespace/service account), `port:9090`. */
  readonly allowBypass?: readonly string[]
}

/** What that comes to for the namespaces as they are: decided before the checks, which judge it. */
export interface Intent {
  readonly options: PlanOptions
  readonly namespaces: readonly NamespaceIntent[]
  /** Of the mesh: `cluster.local`. */
  readonly trustDomain: string
  readonly trustDomainAliases: readonly string[]
  /** `istio-system`. */
  readonly rootNamespace: string
  /** `1.30.3`; absent when no istiod shows it. */
  readonly istioVersion?: string
  /** What canaries run; absent when there are to be none. */
  readonly probeImage?: string
  /** Running sidecar pods move to ambient with their namespace: the embedded cluster, unless it keeps to Istio's ways. */
  readonly liveTakeover: boolean
}

export interface NamespaceIntent {
  readonly namespace: string
  readonly state: NamespaceState
  /** Policies and routes that only a waypoint can carry, as `Kind namespace/name`. */
  readonly needsL7: readonly string[]
  /** The waypoint services are to be bound to; absent when none is planned. */
  readonly waypoint?: {
    readonly name: string
    readonly serviceAccount: string
    readonly exists: boolean
    /** The namespace's label names it already. */
    readonly bound: boolean
  }
  /** Ingress gateways are told to come through the waypoint too, which they else skip (MB082). */
  readonly ingressUsesWaypoint: boolean
  /** Pods without a sidecar that the label captures at once (MB025). */
  readonly hasBarePods: boolean
  /** How injection is ended: by removing the labels, or `istio-injection=disabled` (MB023, MB024, MB032). */
  readonly endInjection: 'remove-labels' | 'disable'
}

/** By its labels and pods: `mixed` is ambient by label while sidecars run or are still injected. */
export type NamespaceState = 'sidecar' | 'none' | 'ambient' | 'mixed'
