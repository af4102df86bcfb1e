import type { AuthorizationPolicy } from '../../proxies/config/mesh-state.ts'
import type { PeerAuthentication, Pod } from '../kinds.ts'
import { systemNamespace } from '../mesh-labels.ts'

const strictName = 'istio_converted_static_strict'
export const strictPolicyKey = `${systemNamespace}/${strictName}`

/**
 * What istiod makes of STRICT for ztunnels, which know no PeerAuthentication: refuse whoever comes
 * without an identity (istio/istio architecture/ambient/peer-authentication.md).
 */
export const strictPolicy: AuthorizationPolicy = {
  name: strictName,
  namespace: systemNamespace,
  scope: 'WorkloadSelector',
  action: 'Deny',
  rules: [[[{ notPrincipals: [{ Presence: [] }] }]]],
}

/**
 * The workload's own policy decides, then its namespace's, then the mesh's; the oldest among equals.
 * DISABLE counts as permissive, as it does for ztunnels.
 */
export function mtlsModeOf(
  { metadata }: Pod,
  policies: readonly PeerAuthentication[],
): 'PERMISSIVE' | 'STRICT' {
  const byAge = policies
    .filter(({ spec }) => spec?.mtls?.mode !== undefined && spec.mtls.mode !== 'UNSET')
    .sort((a, b) => age(a).localeCompare(age(b)))
  const levels = [
    (one: PeerAuthentication) =>
      one.metadata.namespace === metadata.namespace && selects(one, metadata.labels) === true,
    (one: PeerAuthentication) =>
      one.metadata.namespace === metadata.namespace && selects(one, metadata.labels) === undefined,
    (one: PeerAuthentication) =>
      one.metadata.namespace === systemNamespace && selects(one, metadata.labels) === undefined,
  ]
  const decisive = levels.map((level) => byAge.find(level)).find((found) => found !== undefined)
  return decisive?.spec?.mtls?.mode === 'STRICT' ? 'STRICT' : 'PERMISSIVE'
}

/** Undefined without a selector. */
function selects(
  { spec }: PeerAuthentication,
  labels: Readonly<Record<string, string>> = {},
): boolean | undefined {
  const pairs = Object.entries(spec?.selector?.matchLabels ?? {})
  if (pairs.length === 0) return undefined
  return pairs.every(([key, value]) => labels[key] === value)
}

function age({ metadata }: PeerAuthentication): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.name}`
}
