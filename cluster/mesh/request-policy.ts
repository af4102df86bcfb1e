import type {
  RequestAuthentication as ProxyAuthentication,
  RequestMatch,
  RequestPolicy,
  TokenRule,
} from '../../proxies/config/l7.ts'
import { type Alternative, clausesOf } from './authorization-rules.ts'
import { guarded, MALFORMED } from './guarded.ts'
import {
  type AuthorizationPolicy,
  type RequestAuthentication,
  targetRefsOf,
} from './istio-objects.ts'

export interface RequestConversion {
  /** Absent: there is nothing to enforce. */
  readonly policy?: RequestPolicy
  /** Parts that mean less than they say, for the object's status. */
  readonly unsupported: readonly string[]
}

/**
 * An AuthorizationPolicy for sidecars and waypoints, which know everything about a request. What they
 * cannot judge never lets more in: an ALLOW rule goes as a whole, a DENY rule loses the field and refuses
 * more. CUSTOM refuses what it would ask about, since nobody answers.
 */
export function convertForRequests(policy: AuthorizationPolicy): RequestConversion {
  const { name, namespace = 'default' } = policy.metadata
  // Nobody knows whom it was to admit, so nobody is.
  const closed: RequestPolicy = { name, namespace, action: 'Deny', rules: [[]] }
  return guarded(() => convert(policy), { policy: closed, unsupported: [MALFORMED] })
}

function convert(policy: AuthorizationPolicy): RequestConversion {
  const { spec, metadata } = policy
  const { action = 'ALLOW', rules = [] } = spec ?? {}
  const namespace = metadata.namespace ?? 'default'
  if (action === 'AUDIT') return { unsupported: ['action AUDIT'] }
  const all = rules.map((rule) => clausesOf(rule, namespace))
  const unsupported = [...new Set(all.flat(2).flatMap((one) => one.unsupported))].sort()
  const allow = action === 'ALLOW'
  const kept = allow
    ? all.filter((clauses) => clauses.flat().every((one) => one.unsupported.length === 0))
    : all
  return {
    policy: {
      name: metadata.name,
      namespace,
      action: allow ? 'Allow' : 'Deny',
      rules: kept.map((clauses) => clauses.map((clause) => clause.map(matchOf))),
    },
    unsupported: action === 'CUSTOM' ? ['action CUSTOM', ...unsupported] : unsupported,
  }
}

function matchOf({ l4, l7 }: Alternative): RequestMatch {
  return { ...l4, ...l7 }
}

export function convertAuthentication(object: RequestAuthentication): ProxyAuthentication {
  const { name, namespace = 'default' } = object.metadata
  return { name, namespace, rules: guarded(() => tokenRules(object), []) }
}

function tokenRules({ spec }: RequestAuthentication): readonly TokenRule[] {
  return (spec?.jwtRules ?? []).map((rule) => ({
    issuer: rule.issuer,
    ...(rule.audiences ? { audiences: rule.audiences } : {}),
    ...(rule.jwks ? { jwks: rule.jwks } : {}),
    ...(rule.jwksUri ? { jwksUri: rule.jwksUri } : {}),
    ...(rule.fromHeaders
      ? {
          fromHeaders: rule.fromHeaders.map(({ name, prefix = '' }) => ({
            name: name.toLowerCase(),
            prefix,
          })),
        }
      : {}),
    ...(rule.fromParams ? { fromParams: rule.fromParams } : {}),
    ...(rule.forwardOriginalToken ? { forwardOriginalToken: true } : {}),
  }))
}

/** Where an object with `targetRefs` applies; the rest belongs to sidecars and ztunnels. */
export function isForWaypoints(object: AuthorizationPolicy | RequestAuthentication): boolean {
  return targetRefsOf(object.spec).length > 0
}
