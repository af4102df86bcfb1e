import type { AuthorizationPolicy } from '../../cluster/mesh/istio-objects.ts'
import { convertForZtunnel, type ZtunnelConversion } from '../../cluster/mesh/ztunnel-policy.ts'
import type { Intent } from '../plan/intent.ts'
import { isAtLeast } from './istio-version.ts'
import { principalsOf } from './sources.ts'

export type MeshOfPolicies = Pick<Intent, 'trustDomain' | 'trustDomainAliases' | 'istioVersion'>

export type AtZtunnel = Pick<ZtunnelConversion, 'verdict' | 'tighter' | 'looser'> & {
  /** Only logged by sidecars: it protects nothing today. */
  readonly dryRun: boolean
  /** Principals that hold at sidecars alone, which know the mesh's other trust domains. */
  readonly foreignPrincipals: readonly string[]
}

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
const dryRunKey = 'istio.io/dry-run'

export function isDryRun({ metadata }: AuthorizationPolicy): boolean {
  return TRUE.has(metadata.annotations?.[dryRunKey] ?? '')
}

/**
 * What a policy becomes at ztunnels of this mesh. Up to istiod 1.25.1 a dry run is enforced there
 * (istio/istio#55414). ztunnels compare principals as they stand, while sidecars also take those of
 * `cluster.local` and of the aliases for their own (istio/istio pilot/pkg/security/trustdomain/bundle.go).
 */
export function atZtunnel(policy: AuthorizationPolicy, mesh: MeshOfPolicies): AtZtunnel {
  const dryRun = isDryRun(policy)
  const enforced = dryRun && !isAtLeast(mesh.istioVersion, '1.25.2')
  const converted = convertForZtunnel(enforced ? withoutDryRun(policy) : policy)
  const { verdict, tighter, looser } = converted
  const sent = converted.policy !== undefined && verdict !== 'unattached'
  const foreign = sent ? foreignPrincipals(policy, mesh) : { positive: [], negative: [] }
  const allow = (policy.spec?.action ?? 'ALLOW') === 'ALLOW'
  const [closes, opens] = allow
    ? [foreign.positive, foreign.negative]
    : [foreign.negative, foreign.positive]
  return {
    verdict,
    tighter: tighter || closes.length > 0,
    looser: looser || opens.length > 0,
    dryRun,
    foreignPrincipals: [...closes, ...opens],
  }
}

function withoutDryRun(policy: AuthorizationPolicy): AuthorizationPolicy {
  const { [dryRunKey]: _, ...annotations } = policy.metadata.annotations ?? {}
  return { ...policy, metadata: { ...policy.metadata, annotations } }
}

function foreignPrincipals(
  policy: AuthorizationPolicy,
  { trustDomain, trustDomainAliases }: MeshOfPolicies,
): { readonly positive: readonly string[]; readonly negative: readonly string[] } {
  const others = ['cluster.local', ...trustDomainAliases].filter((one) => one !== trustDomain)
  const isForeign = (principal: string): boolean =>
    others.some((domain) => principal.startsWith(`${domain}/`))
  const { positive, negative } = principalsOf(policy)
  return { positive: positive.filter(isForeign), negative: negative.filter(isForeign) }
}
