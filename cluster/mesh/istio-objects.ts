import type { LabelSelector } from '../kinds.ts'
import type { Condition, KubeObject } from '../objects.ts'
import type { AuthorizationRule } from './authorization-rules.ts'

/** Istio's and the Gateway API's objects, as far as the mesh reads them. */
export const meshKinds = {
  authorizationPolicy: { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy' },
  requestAuthentication: { apiVersion: 'security.istio.io/v1', kind: 'RequestAuthentication' },
  virtualService: { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService' },
  destinationRule: { apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule' },
  telemetry: { apiVersion: 'telemetry.istio.io/v1', kind: 'Telemetry' },
  httpRoute: { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute' },
} as const

export interface TargetRef {
  readonly group?: string
  readonly kind: string
  readonly name: string
}

/** What AuthorizationPolicy and RequestAuthentication share. */
export interface Attachment {
  readonly selector?: Pick<LabelSelector, 'matchLabels'>
  readonly targetRef?: TargetRef
  readonly targetRefs?: readonly TargetRef[]
}

interface Conditions {
  conditions?: Condition[]
}

export interface AuthorizationPolicy extends KubeObject {
  spec?: Attachment & {
    readonly action?: 'ALLOW' | 'DENY' | 'CUSTOM' | 'AUDIT'
    readonly rules?: readonly AuthorizationRule[]
  }
  status?: Conditions
}

export interface RequestAuthentication extends KubeObject {
  spec?: Attachment & { readonly jwtRules?: readonly JwtRule[] }
  status?: Conditions
}

export interface Telemetry extends KubeObject {
  spec?: Attachment & {
    readonly accessLogging?: readonly {
      readonly match?: { readonly mode?: 'CLIENT' | 'SERVER' | 'CLIENT_AND_SERVER' }
      readonly providers?: readonly { readonly name: string }[]
      readonly disabled?: boolean
      readonly filter?: unknown
    }[]
    readonly metrics?: readonly unknown[]
    readonly tracing?: readonly unknown[]
  }
  status?: Conditions
}

export interface JwtRule {
  readonly issuer: string
  readonly audiences?: readonly string[]
  readonly jwks?: string
  readonly jwksUri?: string
  readonly fromHeaders?: readonly { readonly name: string; readonly prefix?: string }[]
  readonly fromParams?: readonly string[]
  readonly forwardOriginalToken?: boolean
  readonly [field: string]: unknown
}

export function targetRefsOf(spec: Attachment | undefined): readonly TargetRef[] {
  const refs: readonly TargetRef[] = spec?.targetRefs ?? (spec?.targetRef ? [spec.targetRef] : [])
  return Array.isArray(refs) ? refs : []
}

/** No selector selects everything in its reach; an empty one too, except at ztunnels. */
export function selects(
  spec: Attachment | undefined,
  labels: Readonly<Record<string, string>>,
): boolean {
  const wanted = Object.entries(spec?.selector?.matchLabels ?? {})
  return wanted.every(([key, value]) => labels[key] === value)
}

export function byAge(a: KubeObject, b: KubeObject): number {
  const key = ({ metadata }: KubeObject): string =>
    [metadata.creationTimestamp ?? '', metadata.namespace ?? '', metadata.name].join(' ')
  return key(a).localeCompare(key(b))
}

export interface HttpRoute extends KubeObject {
  spec: {
    readonly parentRefs?: readonly ParentRef[]
    readonly hostnames?: readonly string[]
    readonly rules?: readonly HttpRouteRule[]
  }
  status?: { parents?: RouteParentStatus[] }
}

export interface ParentRef {
  readonly group?: string
  readonly kind?: string
  readonly name: string
  readonly namespace?: string
  readonly port?: number
  readonly sectionName?: string
}

export function parentsOf({ spec }: HttpRoute): readonly ParentRef[] {
  const refs: unknown = spec?.parentRefs
  return Array.isArray(refs) ? refs : []
}

export interface RouteParentStatus {
  parentRef: ParentRef
  controllerName: string
  conditions: Condition[]
}

export interface HttpRouteRule {
  readonly matches?: readonly HttpRouteMatch[]
  readonly filters?: readonly HttpRouteFilter[]
  readonly backendRefs?: readonly BackendRef[]
  readonly timeouts?: { readonly request?: string; readonly backendRequest?: string }
  readonly retry?: {
    readonly attempts?: number
    readonly codes?: readonly number[]
    readonly backoff?: string
  }
}

export interface NamedValue {
  readonly name: string
  readonly value: string
  readonly type?: 'Exact' | 'RegularExpression'
}

export interface HttpRouteMatch {
  readonly path?: {
    readonly type?: 'Exact' | 'PathPrefix' | 'RegularExpression'
    readonly value?: string
  }
  readonly headers?: readonly NamedValue[]
  readonly queryParams?: readonly NamedValue[]
  readonly method?: string
}

export interface HttpHeaderFilter {
  readonly set?: readonly { readonly name: string; readonly value: string }[]
  readonly add?: readonly { readonly name: string; readonly value: string }[]
  readonly remove?: readonly string[]
}

export interface PathModifier {
  readonly type: 'ReplaceFullPath' | 'ReplacePrefixMatch'
  readonly replaceFullPath?: string
  readonly replacePrefixMatch?: string
}

export interface HttpRouteFilter {
  readonly type: string
  readonly requestHeaderModifier?: HttpHeaderFilter
  readonly responseHeaderModifier?: HttpHeaderFilter
  readonly requestRedirect?: {
    readonly scheme?: 'http' | 'https'
    readonly hostname?: string
    readonly port?: number
    readonly path?: PathModifier
    readonly statusCode?: number
  }
  readonly urlRewrite?: { readonly hostname?: string; readonly path?: PathModifier }
  readonly requestMirror?: {
    readonly backendRef: BackendRef
    readonly percent?: number
    readonly fraction?: { readonly numerator: number; readonly denominator?: number }
  }
}

export interface BackendRef {
  readonly group?: string
  readonly kind?: string
  readonly name: string
  readonly namespace?: string
  readonly port?: number
  readonly weight?: number
  readonly filters?: readonly HttpRouteFilter[]
}

export type IstioMatch = {
  readonly exact?: string
  readonly prefix?: string
  readonly regex?: string
}

export interface VirtualServiceRoute {
  readonly name?: string
  readonly match?: readonly {
    readonly uri?: IstioMatch
    readonly method?: IstioMatch
    readonly headers?: Readonly<Record<string, IstioMatch>>
    readonly queryParams?: Readonly<Record<string, IstioMatch>>
    readonly [field: string]: unknown
  }[]
  readonly route?: readonly {
    readonly destination: {
      readonly host: string
      readonly subset?: string
      readonly port?: { readonly number: number }
    }
    readonly weight?: number
    readonly [field: string]: unknown
  }[]
  readonly timeout?: string
  readonly retries?: {
    readonly attempts?: number
    readonly perTryTimeout?: string
    readonly retryOn?: string
  }
  readonly [field: string]: unknown
}

export interface VirtualService extends KubeObject {
  spec?: {
    readonly hosts?: readonly string[]
    readonly gateways?: readonly string[]
    readonly exportTo?: readonly string[]
    readonly http?: readonly VirtualServiceRoute[]
    readonly [field: string]: unknown
  }
}

export interface IstioTrafficPolicy {
  readonly loadBalancer?: { readonly simple?: string; readonly [field: string]: unknown }
  readonly connectionPool?: {
    readonly tcp?: { readonly maxConnections?: number; readonly connectTimeout?: string }
    readonly http?: {
      readonly http1MaxPendingRequests?: number
      readonly http2MaxRequests?: number
      readonly maxRetries?: number
      readonly maxRequestsPerConnection?: number
    }
  }
  readonly outlierDetection?: {
    readonly consecutive5xxErrors?: number
    readonly consecutiveGatewayErrors?: number
    readonly interval?: string
    readonly baseEjectionTime?: string
    readonly maxEjectionPercent?: number
    readonly [field: string]: unknown
  }
  readonly tls?: { readonly mode?: string; readonly [field: string]: unknown }
  readonly [field: string]: unknown
}

export interface DestinationRule extends KubeObject {
  spec?: {
    readonly host?: string
    readonly trafficPolicy?: IstioTrafficPolicy
    readonly subsets?: readonly {
      readonly name: string
      readonly labels?: Readonly<Record<string, string>>
      readonly trafficPolicy?: IstioTrafficPolicy
    }[]
    readonly [field: string]: unknown
  }
}
