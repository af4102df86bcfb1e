import type {
  AuthorizationPolicy as L4Policy,
  PolicyMatch,
} from '../../proxies/config/mesh-state.ts'
import { systemNamespace } from '../mesh-labels.ts'
import { type Clause, clausesOf } from './authorization-rules.ts'
import { guarded, MALFORMED } from './guarded.ts'
import { type AuthorizationPolicy, targetRefsOf } from './istio-objects.ts'

/** What a policy written for sidecars means once a ztunnel enforces it. */
export type ZtunnelVerdict =
  | 'not-sent'
  | 'waypoint-only'
  | 'unattached'
  | 'exact'
  | 'allow-nothing'
  | 'allow-narrowed'
  | 'allow-widened'
  | 'allow-altered'
  | 'deny-inert'
  | 'deny-altered'

export interface ZtunnelConversion {
  readonly verdict: ZtunnelVerdict
  /** Refuses more than it did, or admits more; another rule may make up for it. */
  readonly tighter: boolean
  readonly looser: boolean
  /** Absent: no ztunnel learns of it. */
  readonly policy?: L4Policy
  /** The `ZtunnelAccepted` condition; absent for policies of waypoints. */
  readonly accepted?: {
    readonly status: 'True' | 'False'
    readonly reason: 'Accepted' | 'UnsupportedValue'
    readonly message: string
  }
}

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])

/**
 * istiod's conversion for ztunnels, which know addresses, ports and identities but no requests
 * (istio/istio pilot/pkg/serviceregistry/ambient/authorization.go). An ALLOW rule with any HTTP
 * attribute goes as a whole; a DENY rule loses only those attributes and thereby refuses more.
 */
export function convertForZtunnel(policy: AuthorizationPolicy): ZtunnelConversion {
  const { name, namespace = 'default' } = policy.metadata
  return guarded(() => convert(policy), {
    verdict: 'deny-altered',
    tighter: true,
    looser: false,
    // Nobody knows whom it was to admit, so nobody is.
    policy: { name, namespace, scope: 'Namespace', action: 'Deny', rules: [[]] },
    accepted: { status: 'True', reason: 'UnsupportedValue', message: `refuses all: ${MALFORMED}` },
  })
}

function convert(policy: AuthorizationPolicy): ZtunnelConversion {
  const { spec, metadata } = policy
  const { action = 'ALLOW', rules = [] } = spec ?? {}
  if (TRUE.has(metadata.annotations?.['istio.io/dry-run'] ?? '')) {
    return notSent('dry-run is not supported in ambient mode', false)
  }
  if (targetRefsOf(spec).length > 0) {
    return { verdict: 'waypoint-only', tighter: false, looser: false }
  }
  if (action === 'CUSTOM' || action === 'AUDIT') {
    return notSent(`action ${action} is not supported`, action === 'CUSTOM')
  }
  const namespace = metadata.namespace ?? 'default'
  const all = rules.map((rule) => clausesOf(rule, namespace))
  const http = [...new Set(all.flat(2).flatMap((one) => one.http))].sort()
  const kept = action === 'ALLOW' ? all.filter((clauses) => !hasHttp(clauses)) : all
  const selector = spec?.selector
  const labels = Object.keys(selector?.matchLabels ?? {})
  const scope = selector
    ? 'WorkloadSelector'
    : namespace === systemNamespace
      ? 'Global'
      : 'Namespace'
  const changes = compare(action, all, kept)
  const unattached = selector !== undefined && labels.length === 0
  return {
    ...(unattached ? { verdict: 'unattached', tighter: false, looser: true } : changes),
    policy: {
      name: metadata.name,
      namespace,
      scope,
      action: action === 'ALLOW' ? 'Allow' : 'Deny',
      rules: kept.map((clauses) => clauses.map((clause) => clause.map(({ l4 }) => l4))),
    },
    accepted: {
      status: 'True',
      reason: http.length > 0 ? 'UnsupportedValue' : 'Accepted',
      message: http.length > 0 ? alteredMessage(action, http) : 'attached to ztunnel',
    },
  }
}

function compare(
  action: 'ALLOW' | 'DENY',
  all: readonly (readonly Clause[])[],
  kept: readonly (readonly Clause[])[],
): Pick<ZtunnelConversion, 'verdict' | 'tighter' | 'looser'> {
  const alive = kept.filter((clauses) => clauses.every((clause) => clause.some(hasFields)))
  const matchesAll = alive.some((clauses) => clauses.length === 0)
  const alternatives = alive.flat(2)
  const shrunk =
    !matchesAll && (alive.length < all.length || alternatives.some((one) => !hasFields(one)))
  const widened =
    !matchesAll &&
    alternatives.some(
      (one) => hasFields(one) && (one.http.length > 0 || one.unsupported.length > 0),
    )
  const allow = action === 'ALLOW'
  const tighter = allow ? shrunk : widened
  const looser = allow ? widened : shrunk
  if (!tighter && !looser) return { verdict: 'exact', tighter, looser }
  if (alive.length === 0)
    return { verdict: allow ? 'allow-nothing' : 'deny-inert', tighter, looser }
  if (!allow) return { verdict: 'deny-altered', tighter, looser }
  if (tighter && looser) return { verdict: 'allow-altered', tighter, looser }
  return { verdict: tighter ? 'allow-narrowed' : 'allow-widened', tighter, looser }
}

function hasHttp(clauses: readonly Clause[]): boolean {
  return clauses.flat().some(({ http }) => http.length > 0)
}

function hasFields({ l4 }: { readonly l4: PolicyMatch }): boolean {
  return Object.keys(l4).length > 0
}

function notSent(message: string, looser: boolean): ZtunnelConversion {
  return {
    verdict: 'not-sent',
    tighter: false,
    looser,
    accepted: { status: 'False', reason: 'UnsupportedValue', message },
  }
}

function alteredMessage(action: string, http: readonly string[]): string {
  const effect =
    action === 'ALLOW'
      ? 'rules that use them admit nobody'
      : 'without them the rules refuse more, or nothing when nothing is left of them'
  return `ztunnel does not know the HTTP attributes ${http.join(', ')}: ${effect}`
}
