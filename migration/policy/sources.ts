import type { AuthorizationRule } from '../../cluster/mesh/authorization-rules.ts'
import type { AuthorizationPolicy } from '../../cluster/mesh/istio-objects.ts'

/** Rules as far as they are shaped like rules: the API server takes others too. */
export function rulesOf({ spec }: AuthorizationPolicy): readonly AuthorizationRule[] {
  const rules: unknown = spec?.rules
  return Array.isArray(rules)
    ? rules.filter((rule) => typeof rule === 'object' && rule !== null)
    : []
}

export function actionOf({ spec }: AuthorizationPolicy): 'ALLOW' | 'DENY' | 'CUSTOM' | 'AUDIT' {
  return spec?.action ?? 'ALLOW'
}

/** Who the TCP peer is: behind a waypoint that is the waypoint, to whoever stands at the pod. */
const peerSources = /^(not)?(principals|namespaces|serviceAccounts|ipBlocks|trustDomains)$/i
const peerConditions = /^source\./

export function matchesPeer(rule: AuthorizationRule): boolean {
  return (
    sourcesOf(rule).some((source) =>
      Object.keys(source).some((field) => peerSources.test(field)),
    ) || listed(rule.when).some(({ key }) => peerConditions.test(key))
  )
}

export function principalsOf(policy: AuthorizationPolicy): {
  readonly positive: readonly string[]
  readonly negative: readonly string[]
} {
  const rules = rulesOf(policy)
  const sources = rules.flatMap(sourcesOf)
  const conditions = rules
    .flatMap(({ when }) => listed(when))
    .filter(({ key }) => key === 'source.principal')
  return {
    positive: [
      ...sources.flatMap(({ principals }) => principals ?? []),
      ...conditions.flatMap(({ values }) => values ?? []),
    ],
    negative: [
      ...sources.flatMap(({ notPrincipals }) => notPrincipals ?? []),
      ...conditions.flatMap(({ notValues }) => notValues ?? []),
    ],
  }
}

type Source = Readonly<Record<string, readonly string[] | undefined>>

function sourcesOf({ from }: AuthorizationRule): readonly Source[] {
  return listed(from).map(({ source }) => source ?? {})
}

/** Entries that are shaped like entries, as far as `rulesOf` sees to rules. */
function listed<T extends object>(value: readonly T[] | undefined): readonly T[] {
  const entries: unknown = value
  return Array.isArray(entries)
    ? entries.filter((one) => typeof one === 'object' && one !== null)
    : []
}
