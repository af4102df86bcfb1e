import type { PolicyMatch, StringMatch } from './mesh-state.ts'

/**
 * meshbench: what an L7 proxy is told beyond the registry, already narrowed to what concerns this
 * proxy. All of it is optional for a mesh without such objects.
 */
export interface L7Config {
  /** Requests it lets in: a sidecar for its pod, a waypoint for the services that use it. */
  readonly policies: readonly RequestPolicy[]
  readonly authentications: readonly RequestAuthentication[]
  /** Where it sends requests; the first match in the order given wins. */
  readonly routes: readonly ServiceRoutes[]
  readonly destinations: readonly DestinationPolicy[]
}

/** `namespace/hostname` of the services something is for; absent: whatever the proxy serves. */
type Services = readonly string[] | undefined

/** AuthorizationPolicy: rules OR clauses AND matches OR fields AND, as at L4. */
export interface RequestPolicy {
  readonly name: string
  readonly namespace: string
  readonly action: 'Allow' | 'Deny'
  readonly rules: readonly (readonly (readonly RequestMatch[])[])[]
  readonly services?: Services
}

/** Fields are ANDed, the values of one field ORed; of a `not` field none may match. */
export interface RequestMatch extends PolicyMatch {
  /** Compared without regard to case. */
  readonly hosts?: readonly StringMatch[]
  readonly notHosts?: readonly StringMatch[]
  readonly methods?: readonly StringMatch[]
  readonly notMethods?: readonly StringMatch[]
  /** Normalised, without the query. */
  readonly paths?: readonly StringMatch[]
  readonly notPaths?: readonly StringMatch[]
  /** `<issuer>/<subject>` of a verified token. */
  readonly requestPrincipals?: readonly StringMatch[]
  readonly notRequestPrincipals?: readonly StringMatch[]
  readonly headers?: readonly NamedMatch[]
  readonly claims?: readonly ClaimMatch[]
}

export interface NamedMatch {
  /** In lower case. */
  readonly name: string
  readonly values?: readonly StringMatch[]
  readonly notValues?: readonly StringMatch[]
}

export interface ClaimMatch extends Omit<NamedMatch, 'name'> {
  /** `['realm_access', 'roles']` for `request.auth.claims[realm_access][roles]`. */
  readonly path: readonly string[]
}

export interface RequestAuthentication {
  readonly name: string
  readonly namespace: string
  readonly services?: Services
  readonly rules: readonly TokenRule[]
}

export interface TokenRule {
  readonly issuer: string
  readonly audiences?: readonly string[]
  /** A JSON Web Key Set as text. */
  readonly jwks?: string
  /** Fetched only from loopback and pod addresses. */
  readonly jwksUri?: string
  /** Defaults to `authorization` with the prefix `Bearer `. */
  readonly fromHeaders?: readonly { readonly name: string; readonly prefix: string }[]
  readonly fromParams?: readonly string[]
  readonly forwardOriginalToken?: boolean
}

/** All that is decided about requests to one service. */
export interface ServiceRoutes {
  /** `namespace/hostname`. */
  readonly service: string
  /** Absent: all ports. */
  readonly port?: number
  readonly rules: readonly RouteRule[]
}

export interface RouteRule {
  /** All conditions have to hold. */
  readonly match: RouteMatch
  readonly action: RouteAction
}

export type ValueMatch =
  | { readonly exact: string }
  | { readonly prefix: string }
  | { readonly regex: string }
  | { readonly present: true }

export interface RouteMatch {
  /** `segments`: `/a` holds for `/a` and `/a/b`, not for `/ab`. */
  readonly path?: ValueMatch | { readonly segments: string }
  readonly method?: string
  readonly headers?: readonly { readonly name: string; readonly value: ValueMatch }[]
  readonly query?: readonly { readonly name: string; readonly value: ValueMatch }[]
}

export interface HeaderChange {
  readonly set?: readonly (readonly [name: string, value: string])[]
  readonly add?: readonly (readonly [name: string, value: string])[]
  readonly remove?: readonly string[]
}

export interface Backend {
  readonly service: string
  readonly port: number
  readonly subset?: string
  readonly weight: number
  readonly requestHeaders?: HeaderChange
  readonly responseHeaders?: HeaderChange
  /** The reference leads nowhere: requests it would get are answered with 500. */
  readonly invalid?: boolean
}

export interface RouteAction {
  /** Empty: the service asked for. */
  readonly backends: readonly Backend[]
  readonly redirect?: Redirect
  readonly requestHeaders?: HeaderChange
  readonly responseHeaders?: HeaderChange
  readonly rewriteHost?: string
  readonly rewritePath?: PathChange
  readonly mirrors?: readonly { readonly backend: Backend; readonly percent: number }[]
  readonly timeoutMs?: number
  readonly retry?: RetryPolicy
}

export type PathChange =
  | { readonly full: string }
  /** What replaces the matched prefix. */
  | { readonly prefix: string }

export interface Redirect {
  readonly status: number
  readonly scheme?: 'http' | 'https'
  readonly host?: string
  readonly port?: number
  readonly path?: PathChange
}

export interface RetryPolicy {
  /** Tries after the first. */
  readonly attempts: number
  readonly perTryTimeoutMs?: number
  readonly backOffMs?: number
  readonly connectFailure: boolean
  /** The connection ended before an answer. */
  readonly reset: boolean
  readonly statuses: readonly number[]
}

/** DestinationRule for one service, as this proxy has to apply it. */
export interface DestinationPolicy {
  readonly service: string
  readonly traffic: TrafficPolicy
  readonly subsets: readonly {
    readonly name: string
    /** Its endpoints, by `uid` of the workload. */
    readonly workloads: readonly string[]
    readonly traffic: TrafficPolicy
  }[]
}

export interface TrafficPolicy {
  readonly balance?: 'LEAST_REQUEST' | 'ROUND_ROBIN' | 'RANDOM'
  readonly tls?: 'DISABLE' | 'ISTIO_MUTUAL'
  readonly connectTimeoutMs?: number
  readonly limits?: BreakerLimits
  readonly outliers?: OutlierPolicy
}

/** Absent: no limit. */
export interface BreakerLimits {
  readonly connections?: number
  readonly pendingRequests?: number
  readonly requests?: number
  readonly retries?: number
}

export interface OutlierPolicy {
  /** 0 or absent: not looked at. */
  readonly consecutive5xx?: number
  readonly consecutiveGatewayErrors?: number
  readonly intervalMs: number
  readonly baseEjectionMs: number
  readonly maxEjectionPercent: number
}
