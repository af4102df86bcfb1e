import type {
  Backend,
  PathChange,
  Redirect,
  RetryPolicy,
  RouteAction,
  RouteMatch,
  RouteRule,
  ValueMatch,
} from '../../proxies/config/l7.ts'
import { durationMs } from './durations.ts'
import { guarded, MALFORMED } from './guarded.ts'
import { headerChange } from './header-changes.ts'
import type {
  BackendRef,
  HttpRoute,
  HttpRouteFilter,
  HttpRouteMatch,
  HttpRouteRule,
  NamedValue,
  PathModifier,
} from './istio-objects.ts'

/** How a reference from a namespace ends. */
export type ResolvedBackend =
  | { readonly service: string; readonly port: number }
  | { readonly problem: 'BackendNotFound' | 'RefNotPermitted' | 'InvalidKind' }

export type ResolveBackend = (ref: BackendRef, namespace: string) => ResolvedBackend

export interface ConvertedRoute {
  readonly rules: readonly RouteRule[]
  readonly problems: readonly { readonly reason: string; readonly message: string }[]
  /** Parts of the route that are not known here. */
  readonly unsupported: readonly string[]
}

/** One rule per match of an HTTPRoute, not yet in order. */
export function convertHttpRoute(route: HttpRoute, resolve: ResolveBackend): ConvertedRoute {
  const rules = [{ match: {}, action: { backends: [NOWHERE] } }]
  const malformed = { rules, problems: [], unsupported: [MALFORMED] }
  return guarded(() => convert(route, resolve), malformed)
}

const NOWHERE: Backend = { service: '', port: 0, weight: 1, invalid: true }

function convert({ spec, metadata }: HttpRoute, resolve: ResolveBackend): ConvertedRoute {
  const namespace = metadata.namespace ?? 'default'
  const problems: { reason: string; message: string }[] = []
  const unsupported: string[] = []
  const backendOf = (ref: BackendRef): Backend => {
    const found = resolve(ref, namespace)
    const common = { weight: ref.weight ?? 1, ...changesOf(ref.filters ?? []) }
    if (!('problem' in found)) return { ...found, ...common }
    const name = `${ref.namespace ?? namespace}/${ref.name}`
    problems.push({ reason: found.problem, message: `backend ${name} port ${ref.port ?? '-'}` })
    return { service: '', port: 0, ...common, invalid: true }
  }
  const rules = (spec.rules ?? []).flatMap((rule) => {
    const action = actionOf(rule, backendOf, unsupported)
    const matches = rule.matches?.length ? rule.matches : [{}]
    return matches.map((match) => ({ match: matchOf(match), action }))
  })
  return { rules, problems, unsupported }
}

/**
 * istiod's order (istio/istio pilot/pkg/config/kube/gateway/conversion.go): exact before prefix before
 * pattern, then the longer path, then a method, then more headers, then more query parameters; what
 * came first otherwise.
 */
export function sortRules(rules: readonly RouteRule[]): readonly RouteRule[] {
  const rank = ({ path }: RouteMatch): number => {
    if (path === undefined) return 0
    if ('exact' in path) return 3
    return 'regex' in path ? 1 : 2
  }
  const length = ({ path }: RouteMatch): number => Object.values(path ?? {}).join('').length
  return [...rules].sort(
    ({ match: a }, { match: b }) =>
      rank(b) - rank(a) ||
      length(b) - length(a) ||
      Number(b.method !== undefined) - Number(a.method !== undefined) ||
      (b.headers?.length ?? 0) - (a.headers?.length ?? 0) ||
      (b.query?.length ?? 0) - (a.query?.length ?? 0),
  )
}

function matchOf({ path, method, headers, queryParams }: HttpRouteMatch): RouteMatch {
  const { type = 'PathPrefix', value = '/' } = path ?? {}
  const paths = {
    Exact: { exact: value },
    RegularExpression: { regex: value },
    PathPrefix: { segments: value },
  }
  const named = ({
    name,
    value: text,
    type: kind,
  }: NamedValue): { name: string; value: ValueMatch } => ({
    name,
    value: kind === 'RegularExpression' ? { regex: text } : { exact: text },
  })
  return {
    path: paths[type],
    ...(method ? { method } : {}),
    ...(headers?.length ? { headers: headers.map(named) } : {}),
    ...(queryParams?.length ? { query: queryParams.map(named) } : {}),
  }
}

function actionOf(
  rule: HttpRouteRule,
  backendOf: (ref: BackendRef) => Backend,
  unsupported: string[],
): RouteAction {
  const { filters = [], timeouts, retry } = rule
  const unknown = filters.filter(({ type }) => !KNOWN.has(type)).map(({ type }) => `filter ${type}`)
  unsupported.push(...unknown)
  const redirect = filters.find(({ type }) => type === 'RequestRedirect')?.requestRedirect
  const rewrite = filters.find(({ type }) => type === 'URLRewrite')?.urlRewrite
  const mirrors = filters.flatMap(({ requestMirror }) =>
    requestMirror
      ? [{ backend: backendOf(requestMirror.backendRef), percent: percentOf(requestMirror) }]
      : [],
  )
  const backends = (rule.backendRefs ?? []).map(backendOf)
  const refused = unknown.length > 0 || (backends.length === 0 && redirect === undefined)
  // Zero disables a timeout, as if none were given.
  const timeoutMs = durationMs(timeouts?.request) || undefined
  const perTryTimeoutMs = durationMs(timeouts?.backendRequest) || undefined
  return {
    // A filter that is not known must not be passed over (Gateway API, HTTPRouteFilter).
    backends: refused ? [NOWHERE] : backends,
    ...(redirect && unknown.length === 0 ? { redirect: redirectOf(redirect) } : {}),
    ...changesOf(filters),
    ...(rewrite?.hostname ? { rewriteHost: rewrite.hostname } : {}),
    ...(rewrite?.path ? { rewritePath: pathChange(rewrite.path) } : {}),
    ...(mirrors.length > 0 ? { mirrors } : {}),
    ...(timeoutMs ? { timeoutMs } : {}),
    ...(retry || perTryTimeoutMs ? { retry: retryOf(retry, perTryTimeoutMs) } : {}),
  }
}

const KNOWN = new Set([
  'RequestHeaderModifier',
  'ResponseHeaderModifier',
  'RequestRedirect',
  'URLRewrite',
  'RequestMirror',
])

function changesOf(
  filters: readonly HttpRouteFilter[],
): Pick<RouteAction, 'requestHeaders' | 'responseHeaders'> {
  const request = filters.find(({ requestHeaderModifier }) => requestHeaderModifier)
  const response = filters.find(({ responseHeaderModifier }) => responseHeaderModifier)
  return {
    ...(request?.requestHeaderModifier
      ? { requestHeaders: headerChange(request.requestHeaderModifier) }
      : {}),
    ...(response?.responseHeaderModifier
      ? { responseHeaders: headerChange(response.responseHeaderModifier) }
      : {}),
  }
}

function redirectOf({
  scheme,
  hostname,
  port,
  path,
  statusCode = 302,
}: NonNullable<HttpRouteFilter['requestRedirect']>): Redirect {
  return {
    status: statusCode,
    ...(scheme ? { scheme } : {}),
    ...(hostname ? { host: hostname } : {}),
    ...(port ? { port } : {}),
    ...(path ? { path: pathChange(path) } : {}),
  }
}

function pathChange({ type, replaceFullPath, replacePrefixMatch }: PathModifier): PathChange {
  return type === 'ReplaceFullPath'
    ? { full: replaceFullPath ?? '/' }
    : { prefix: replacePrefixMatch ?? '/' }
}

function percentOf({ percent, fraction }: NonNullable<HttpRouteFilter['requestMirror']>): number {
  if (fraction) return (100 * fraction.numerator) / (fraction.denominator ?? 100)
  return percent ?? 100
}

/** What Istio retries by default stays, the given statuses come on top. */
function retryOf(retry: HttpRouteRule['retry'], perTryTimeoutMs: number | undefined): RetryPolicy {
  const backOffMs = durationMs(retry?.backoff)
  return {
    attempts: retry?.attempts ?? 2,
    connectFailure: true,
    reset: false,
    statuses: retry?.codes ?? [],
    ...(perTryTimeoutMs ? { perTryTimeoutMs } : {}),
    ...(backOffMs ? { backOffMs } : {}),
  }
}
