import type { AuthorizationPolicy } from '../../proxies/config/mesh-state.ts'
import type { PeerAuthentication, Pod } from '../kinds.ts'
import { systemNamespace } from '../mesh-labels.ts'
import { byAge } from './istio-objects.ts'

export type MtlsMode = 'PERMISSIVE' | 'STRICT'

/** What counts for a pod: one mode, and container ports that differ from it. */
export interface EffectiveMtls {
  readonly mode: MtlsMode
  readonly exceptions: readonly number[]
  /** The policy that names the exceptions. */
  readonly source?: PeerAuthentication
}

const strictName = 'istio_converted_static_strict'

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

/** The L4 policy a pod is under because of PeerAuthentication; undefined when all its ports are open. */
export function mtlsPolicy({
  mode,
  exceptions,
  source,
}: EffectiveMtls): AuthorizationPolicy | undefined {
  if (exceptions.length === 0 || source === undefined) {
    return mode === 'STRICT' ? strictPolicy : undefined
  }
  const ports = mode === 'STRICT' ? 'notDestinationPorts' : 'destinationPorts'
  return {
    ...strictPolicy,
    name: `converted_peer_authentication_${source.metadata.name}`,
    namespace: source.metadata.namespace ?? 'default',
    rules: [[[{ notPrincipals: [{ Presence: [] }] }], [{ [ports]: exceptions }]]],
  }
}

/**
 * The mesh's mode, replaced by the namespace's, the pod's own and then single ports, each unless UNSET;
 * the oldest policy of a level decides. DISABLE counts as permissive, as it does for ztunnels.
 */
export function mtlsOf({ metadata }: Pod, policies: readonly PeerAuthentication[]): EffectiveMtls {
  const sorted = [...policies].sort(byAge)
  const own = sorted.find(
    (one) =>
      one.metadata.namespace === metadata.namespace &&
      one.metadata.namespace !== systemNamespace &&
      selects(one, metadata.labels) === true,
  )
  const wide = (namespace: string | undefined): PeerAuthentication | undefined =>
    sorted.find((one) => one.metadata.namespace === namespace && !hasSelector(one))
  const mode =
    modeOf(own?.spec?.mtls) ??
    modeOf(wide(metadata.namespace)?.spec?.mtls) ??
    modeOf(wide(systemNamespace)?.spec?.mtls) ??
    'PERMISSIVE'
  const exceptions = Object.entries(own?.spec?.portLevelMtls ?? {}).flatMap(([port, mtls]) => {
    const own = modeOf(mtls)
    return own !== undefined && own !== mode ? [Number(port)] : []
  })
  return { mode, exceptions, ...(own ? { source: own } : {}) }
}

function modeOf(mtls: { mode?: string } | undefined): MtlsMode | undefined {
  if (mtls?.mode === undefined || mtls.mode === 'UNSET') return undefined
  return mtls.mode === 'STRICT' ? 'STRICT' : 'PERMISSIVE'
}

function hasSelector({ spec }: PeerAuthentication): boolean {
  return Object.keys(spec?.selector?.matchLabels ?? {}).length > 0
}

function selects(
  policy: PeerAuthentication,
  labels: Readonly<Record<string, string>> = {},
): boolean {
  if (!hasSelector(policy)) return false
  const wanted = Object.entries(policy.spec?.selector?.matchLabels ?? {})
  return wanted.every(([key, value]) => labels[key] === value)
}
