import { isIP } from 'node:net'
import type { ClaimMatch, NamedMatch, RequestMatch } from '../../proxies/config/l7.ts'
import type { PolicyMatch } from '../../proxies/config/mesh-state.ts'
import { stringMatch } from './string-match.ts'

type Lists = Readonly<Record<string, readonly string[] | undefined>>

/** `spec.rules[]` of an AuthorizationPolicy, as it comes. */
export interface AuthorizationRule {
  readonly from?: readonly { readonly source?: Lists }[]
  readonly to?: readonly { readonly operation?: Lists }[]
  readonly when?: readonly {
    readonly key: string
    readonly values?: readonly string[]
    readonly notValues?: readonly string[]
  }[]
}

/** One alternative of a clause, in the parts that its readers treat differently. */
export interface Alternative {
  readonly l4: PolicyMatch
  readonly l7: Omit<RequestMatch, keyof PolicyMatch>
  /** What a ztunnel calls HTTP attributes, by Istio's names. */
  readonly http: readonly string[]
  /** What our L7 proxies do not enforce. */
  readonly unsupported: readonly string[]
}

export type Clause = readonly Alternative[]

/**
 * The clauses of a rule (istio/istio pilot/pkg/serviceregistry/ambient/authorization.go): `to`, `from`
 * and every condition are one each; an empty rule has none.
 */
export function clausesOf(rule: AuthorizationRule, namespace: string): readonly Clause[] {
  const { from = [], to = [], when = [] } = rule
  return [
    ...(to.length > 0
      ? [to.map(({ operation }) => fields(operation ?? {}, OPERATION, namespace))]
      : []),
    ...(from.length > 0 ? [from.map(({ source }) => fields(source ?? {}, SOURCE, namespace))] : []),
    ...when.map((condition) => [conditionOf(condition, namespace)]),
  ]
}

type Field =
  | { readonly l4: keyof PolicyMatch; readonly not: keyof PolicyMatch; readonly read: Reader }
  | { readonly l7: string; readonly not: string }
  | 'http'
  | 'unreported'
type Reader = (values: readonly string[], namespace: string) => readonly unknown[]

const strings: Reader = (values) => values.map(stringMatch)
const ports: Reader = (values) =>
  values.filter((port) => /^\d+$/.test(port) && Number(port) <= 65_535).map(Number)
const networks: Reader = (values) => values.filter((cidr) => isIP(cidr.split('/')[0] ?? '') !== 0)
const accounts: Reader = (values, namespace) =>
  values.map((value) => {
    const [first = '', second] = value.split('/')
    return second === undefined
      ? { namespace, serviceAccount: first }
      : { namespace: first, serviceAccount: second }
  })

const principals = { l4: 'principals', not: 'notPrincipals', read: strings } as const
const namespaces = { l4: 'namespaces', not: 'notNamespaces', read: strings } as const
const sourceIps = { l4: 'sourceIps', not: 'notSourceIps', read: networks } as const
const serviceAccounts = {
  l4: 'serviceAccounts',
  not: 'notServiceAccounts',
  read: accounts,
} as const
const destinationPorts = {
  l4: 'destinationPorts',
  not: 'notDestinationPorts',
  read: ports,
} as const
const destinationIps = { l4: 'destinationIps', not: 'notDestinationIps', read: networks } as const

const SOURCE: Readonly<Record<string, Field>> = {
  principals,
  namespaces,
  serviceAccounts,
  ipBlocks: sourceIps,
  requestPrincipals: { l7: 'requestPrincipals', not: 'notRequestPrincipals' },
  remoteIpBlocks: 'http',
  trustDomains: 'unreported',
}
const OPERATION: Readonly<Record<string, Field>> = {
  ports: destinationPorts,
  hosts: { l7: 'hosts', not: 'notHosts' },
  methods: { l7: 'methods', not: 'notMethods' },
  paths: { l7: 'paths', not: 'notPaths' },
}
const CONDITION: Readonly<Record<string, Field>> = {
  'source.ip': sourceIps,
  'source.namespace': namespaces,
  'source.principal': principals,
  'destination.ip': destinationIps,
  'destination.port': destinationPorts,
  'request.auth.principal': { l7: 'requestPrincipals', not: 'notRequestPrincipals' },
}

function fields(
  lists: Lists,
  known: Readonly<Record<string, Field>>,
  namespace: string,
): Alternative {
  return merge(
    Object.entries(lists).flatMap(([name, values]) => {
      if (!values || values.length === 0) return []
      const positive = known[name]
      const base = positive ?? known[lowerFirst(name.replace(/^not/, ''))] ?? 'http'
      return [convert(name, base, positive === undefined, values, namespace)]
    }),
  )
}

function conditionOf(
  { key, values = [], notValues = [] }: NonNullable<AuthorizationRule['when']>[number],
  namespace: string,
): Alternative {
  const known = CONDITION[key]
  if (known !== undefined) {
    return merge([
      ...(values.length > 0 ? [convert(key, known, false, values, namespace)] : []),
      ...(notValues.length > 0 ? [convert(key, known, true, notValues, namespace)] : []),
    ])
  }
  const tests = {
    ...(values.length > 0 ? { values: values.map(stringMatch) } : {}),
    ...(notValues.length > 0 ? { notValues: notValues.map(stringMatch) } : {}),
  }
  const header = /^request\.headers\[([^\]]+)\]$/.exec(key)?.[1]
  if (header !== undefined) {
    const match: NamedMatch = { name: header.toLowerCase(), ...tests }
    return { l4: {}, l7: { headers: [match] }, http: [key], unsupported: [] }
  }
  if (/^request\.auth\.claims(\[[^\]]+\])+$/.test(key)) {
    const path = [...key.matchAll(/\[([^\]]+)\]/g)].map(([, name]) => name ?? '')
    const match: ClaimMatch = { path, ...tests }
    return { l4: {}, l7: { claims: [match] }, http: [key], unsupported: [] }
  }
  return { l4: {}, l7: {}, http: [key], unsupported: [key] }
}

function convert(
  name: string,
  field: Field,
  negated: boolean,
  values: readonly string[],
  namespace: string,
): Alternative {
  if (field === 'unreported') return { l4: {}, l7: {}, http: [], unsupported: [name] }
  if (field === 'http') return { l4: {}, l7: {}, http: [name], unsupported: [name] }
  if ('l7' in field) {
    const key = negated ? field.not : field.l7
    const templated = key.toLowerCase().endsWith('paths') && values.some((one) => one.includes('{'))
    if (templated) return { l4: {}, l7: {}, http: [name], unsupported: [`${name} with templates`] }
    return { l4: {}, l7: { [key]: values.map(stringMatch) }, http: [name], unsupported: [] }
  }
  const read = field.read(values, namespace)
  const l4 = read.length > 0 ? { [negated ? field.not : field.l4]: read } : {}
  return { l4, l7: {}, http: [], unsupported: [] }
}

function merge(parts: readonly Alternative[]): Alternative {
  return {
    l4: Object.assign({}, ...parts.map(({ l4 }) => l4)),
    l7: Object.assign({}, ...parts.map(({ l7 }) => l7)),
    http: parts.flatMap(({ http }) => http),
    unsupported: parts.flatMap(({ unsupported }) => unsupported),
  }
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1)
}
