import type { ClaimMatch, NamedMatch, RequestMatch, RequestPolicy } from '../config/l7.ts'
import type { PolicyMatch, StringMatch } from '../config/mesh-state.ts'
import { fieldsHold, matchesString, type PolicyInput } from './rbac.ts'

/** A verified token. */
export interface TokenClaims {
  readonly iss?: string
  readonly sub?: string
  readonly [claim: string]: unknown
}

/** A request as L7 policy sees it. */
export interface RequestInput extends PolicyInput {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly host: string
  /** By lower-case name. */
  readonly header: (name: string) => string | undefined
  readonly claims: TokenClaims | undefined
}

/**
 * Istio's order: a matching DENY, then, if there is any ALLOW, one that matches. Undefined, or which policy
 * refuses, as Envoy's access log names it.
 */
export function denial(
  policies: readonly RequestPolicy[],
  input: RequestInput,
): string | undefined {
  let allowsExist = false
  let allowed = false
  for (const policy of policies) {
    if (policy.action === 'Allow') {
      allowsExist = true
      allowed ||= matchingRule(policy, input) >= 0
      continue
    }
    const rule = matchingRule(policy, input)
    if (rule >= 0) return denied(`ns[${policy.namespace}]-policy[${policy.name}]-rule[${rule}]`)
  }
  return allowed || !allowsExist ? undefined : denied('none')
}

function denied(by: string): string {
  return `rbac_access_denied_matched_policy[${by}]`
}

function matchingRule({ rules }: RequestPolicy, input: RequestInput): number {
  return rules.findIndex((clauses) =>
    clauses.every((clause) => clause.some((match) => requestHolds(match, input))),
  )
}

/** Unlike at ztunnels a match without fields holds for everything (Envoy's `any`). */
function requestHolds(match: RequestMatch, input: RequestInput): boolean {
  if (fieldsHold(match, input) === false) return false
  const { path, method, claims } = input
  const host = input.host.toLowerCase()
  return (
    listed(match.hosts, match.notHosts, (one) => matchesString(lowered(one), host)) &&
    listed(match.methods, match.notMethods, (one) => matchesString(one, method)) &&
    listed(match.paths, match.notPaths, (one) => matchesString(one, path)) &&
    listed(match.requestPrincipals, match.notRequestPrincipals, (one) =>
      matchesString(one, principalOf(claims)),
    ) &&
    (match.headers ?? []).every((header) => headerHolds(header, input)) &&
    (match.claims ?? []).every((claim) => claimHolds(claim, claims))
  )
}

function headerHolds({ name, values, notValues }: NamedMatch, input: RequestInput): boolean {
  const value = input.header(name)
  return listed(values, notValues, (one) => matchesString(one, value))
}

function claimHolds(
  { path, values, notValues }: ClaimMatch,
  claims: TokenClaims | undefined,
): boolean {
  const found = claimValues(claims, path)
  return listed(values, notValues, (one) => found.some((value) => matchesString(one, value)))
}

/** A claim that is a list holds when one of its members does; `scope` is such a list in one string. */
function claimValues(claims: TokenClaims | undefined, path: readonly string[]): readonly string[] {
  let value: unknown = claims
  for (const name of path) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
  }
  const members: readonly unknown[] = Array.isArray(value) ? value : [value]
  return members.flatMap((member) => {
    if (typeof member === 'string')
      return member.includes(' ') ? [member, ...member.split(' ')] : [member]
    return typeof member === 'number' || typeof member === 'boolean' ? [String(member)] : []
  })
}

function principalOf(claims: TokenClaims | undefined): string | undefined {
  if (claims?.iss === undefined || claims.sub === undefined) return undefined
  return `${claims.iss}/${claims.sub}`
}

function listed<T>(
  wanted: readonly T[] | undefined,
  unwanted: readonly T[] | undefined,
  test: (value: T) => boolean,
): boolean {
  if (wanted && wanted.length > 0 && !wanted.some(test)) return false
  return !(unwanted && unwanted.length > 0 && unwanted.some(test))
}

function lowered(match: StringMatch): StringMatch {
  if ('Exact' in match) return { Exact: match.Exact.toLowerCase() }
  if ('Prefix' in match) return { Prefix: match.Prefix.toLowerCase() }
  if ('Suffix' in match) return { Suffix: match.Suffix.toLowerCase() }
  return match
}

const L4_FIELDS: ReadonlySet<string> = new Set<keyof PolicyMatch>([
  'namespaces',
  'notNamespaces',
  'serviceAccounts',
  'notServiceAccounts',
  'principals',
  'notPrincipals',
  'sourceIps',
  'notSourceIps',
  'destinationIps',
  'notDestinationIps',
  'destinationPorts',
  'notDestinationPorts',
])

/**
 * The same policies for a connection that is not HTTP (istio/istio pilot/pkg/security/authz/builder):
 * an ALLOW rule that asks about requests is skipped, a DENY rule is widened to what is left of it.
 */
export function connectionPolicies(policies: readonly RequestPolicy[]): readonly RequestPolicy[] {
  return policies.map((policy) => {
    const keep = policy.action === 'Deny'
    const rules = keep
      ? policy.rules.map((clauses) => clauses.map((clause) => clause.map(onlyL4)))
      : policy.rules.filter((clauses) => !clauses.flat().some(asksRequest))
    return { ...policy, rules }
  })
}

function asksRequest(match: RequestMatch): boolean {
  return Object.keys(match).some((field) => !L4_FIELDS.has(field))
}

function onlyL4(match: RequestMatch): PolicyMatch {
  return Object.fromEntries(Object.entries(match).filter(([field]) => L4_FIELDS.has(field)))
}

/** For connections, which have no request. */
export function connectionInput(input: PolicyInput): RequestInput {
  return { ...input, method: '', path: '', host: '', header: () => undefined, claims: undefined }
}
