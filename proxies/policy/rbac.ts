import { BlockList, isIP } from 'node:net'
import type { AuthorizationPolicy, PolicyMatch, StringMatch } from '../config/mesh-state.ts'
import { parseSpiffe, principalOf } from '../identity/spiffe.ts'

/** A connection as L4 policy sees it. */
export interface PolicyInput {
  readonly sourceIp: string
  /** Proven by mutual TLS; undefined for plaintext. */
  readonly sourceIdentity: string | undefined
  readonly destinationIp: string
  readonly destinationPort: number
}

export interface Verdict {
  readonly allowed: boolean
  /** `namespace/name` of the policy that decided; undefined when none had to. */
  readonly policy?: string
  /** Policies that would have decided otherwise were they not dry runs. */
  readonly dryRun: readonly string[]
}

/**
 * Istio's L4 authorization (istio/ztunnel src/rbac.rs): any matching DENY denies; without an ALLOW
 * policy the rest is allowed; else one ALLOW has to match.
 */
export function evaluate(policies: readonly AuthorizationPolicy[], input: PolicyInput): Verdict {
  let allowsExist = false
  let allowedBy: AuthorizationPolicy | undefined
  let dryRun: string[] | undefined
  for (const policy of policies) {
    if (policy.dryRun) {
      if (matches(policy, input) === (policy.action === 'Deny')) {
        dryRun = [...(dryRun ?? []), policyName(policy)]
      }
    } else if (policy.action === 'Deny') {
      if (matches(policy, input)) {
        return { allowed: false, policy: policyName(policy), dryRun: dryRun ?? NONE }
      }
    } else {
      allowsExist = true
      if (!allowedBy && matches(policy, input)) allowedBy = policy
    }
  }
  if (allowedBy) return { allowed: true, policy: policyName(allowedBy), dryRun: dryRun ?? NONE }
  return { allowed: !allowsExist, dryRun: dryRun ?? NONE }
}

const NONE: readonly string[] = []

function policyName({ namespace, name }: AuthorizationPolicy): string {
  return `${namespace}/${name}`
}

/** Rules are alternatives, a rule's clauses must all hold, a clause's matches are alternatives. */
function matches({ rules }: AuthorizationPolicy, input: PolicyInput): boolean {
  return rules.some((clauses) =>
    clauses.every(
      (clause) => clause.length === 0 || clause.some((match) => fieldsHold(match, input) === true),
    ),
  )
}

/** Whether all fields given hold; undefined without any, which at L4 never matches. */
export function fieldsHold(match: PolicyMatch, input: PolicyInput): boolean | undefined {
  const { sourceIdentity } = input
  const id = sourceIdentity ? parseSpiffe(sourceIdentity) : undefined
  const principal = sourceIdentity ? principalOf(sourceIdentity) : undefined
  const namespace = (wanted: StringMatch): boolean => matchesString(wanted, id?.namespace)
  const identity = (wanted: StringMatch): boolean => matchesString(wanted, principal)
  const account = (wanted: { namespace: string; serviceAccount: string }): boolean =>
    id?.namespace === wanted.namespace && id.serviceAccount === wanted.serviceAccount
  const port = (wanted: number): boolean => wanted === input.destinationPort

  let given = false
  const field = <T>(
    wanted: readonly T[] | undefined,
    unwanted: readonly T[] | undefined,
    test: (value: T) => boolean,
  ): boolean => {
    if (wanted && wanted.length > 0) {
      given = true
      if (!wanted.some(test)) return false
    }
    if (unwanted && unwanted.length > 0) {
      given = true
      if (unwanted.some(test)) return false
    }
    return true
  }
  const address = (
    wanted: readonly string[] | undefined,
    unwanted: readonly string[] | undefined,
    ip: string,
  ): boolean => {
    const family = familyOf(ip)
    const within = (list: Networks): boolean => list[family].check(ip, family)
    return field(networksOf(wanted), networksOf(unwanted), within)
  }

  const all =
    field(match.namespaces, match.notNamespaces, namespace) &&
    field(match.serviceAccounts, match.notServiceAccounts, account) &&
    field(match.principals, match.notPrincipals, identity) &&
    field(match.destinationPorts, match.notDestinationPorts, port) &&
    address(match.sourceIps, match.notSourceIps, input.sourceIp) &&
    address(match.destinationIps, match.notDestinationIps, input.destinationIp)
  return given ? all : undefined
}

export function matchesString(wanted: StringMatch, value: string | undefined): boolean {
  if (value === undefined || value === '') return false
  if ('Exact' in wanted) return value === wanted.Exact
  if ('Prefix' in wanted) return value.startsWith(wanted.Prefix)
  if ('Suffix' in wanted) return value.endsWith(wanted.Suffix)
  return true
}

/** One list per family: node would let an IPv6 network contain IPv4 addresses in mapped form. */
type Networks = Readonly<Record<'ipv4' | 'ipv6', BlockList>>

/** Address lists are native objects, so each array of a snapshot is turned into one once. */
const networks = new WeakMap<readonly string[], readonly Networks[]>()

function networksOf(cidrs: readonly string[] | undefined): readonly Networks[] | undefined {
  if (!cidrs || cidrs.length === 0) return undefined
  let built = networks.get(cidrs)
  if (!built) {
    const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
    for (const cidr of cidrs) {
      const [ip = '', prefix] = cidr.split('/')
      if (isIP(ip) === 0) continue
      const family = familyOf(ip)
      const bits = prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix)
      lists[family].addSubnet(ip, bits, family)
    }
    built = [lists]
    networks.set(cidrs, built)
  }
  return built
}

function familyOf(ip: string): 'ipv4' | 'ipv6' {
  return isIP(ip) === 6 ? 'ipv6' : 'ipv4'
}
