/** Who calls, by what way it comes to a pod. */
export type CallerClass =
  /** In ambient, by the name of a service. */
  | 'ambient'
  /** With a sidecar: skips waypoints in every upstream version (istio/istio#57729). */
  | 'sidecar'
  /** In the mesh, but to the address of a pod: service waypoints see only traffic to services. */
  | 'pod-address'
  /** Without an identity. */
  | 'plaintext'
  /** Skips waypoints unless `istio.io/ingress-use-waypoint` says otherwise. */
  | 'ingress'

export type PodState = 'sidecar' | 'ambient' | 'none'

/** What a pod was when the plan was made, and is now; a pod that comes up now takes over from one of then. */
export interface Lineage {
  readonly was: PodState
  readonly is: PodState
}

/** What holds in a namespace after a step, as far as policies care. */
export interface Situation {
  readonly pods: readonly Lineage[]
  readonly callers: readonly CallerClass[]
  /** S9: services are bound to a ready waypoint. */
  readonly bound: boolean
  readonly ingressBound: boolean
  /** S6. */
  readonly admitted: boolean
  /** S7. */
  readonly copied: boolean
  /** S8. */
  readonly narrowed: boolean
  /** S13, for every pod and port: whoever comes past the waypoint is refused. */
  readonly guarded: boolean
}

export function goesThroughWaypoint(caller: CallerClass, situation: Situation): boolean {
  if (!situation.bound) return false
  return caller === 'ambient' || (caller === 'ingress' && situation.ingressBound)
}
