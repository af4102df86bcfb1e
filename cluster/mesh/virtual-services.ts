import type {
  Backend,
  RetryPolicy,
  RouteMatch,
  RouteRule,
  ValueMatch,
} from '../../proxies/config/l7.ts'
import { durationMs } from './durations.ts'
import { guarded, MALFORMED } from './guarded.ts'
import type { IstioMatch, VirtualService, VirtualServiceRoute } from './istio-objects.ts'

export interface ConvertedVirtualService {
  /** In the order they were written, which is the order that counts. */
  readonly rules: readonly RouteRule[]
  readonly unsupported: readonly string[]
}

type Resolve = (destination: Destination) => Pick<Backend, 'service' | 'port'> | undefined
type Destination = NonNullable<VirtualServiceRoute['route']>[number]['destination']

const ROUTE_FIELDS = new Set(['name', 'match', 'route', 'timeout', 'retries'])
const MATCH_FIELDS = new Set(['name', 'uri', 'method', 'headers', 'queryParams'])

/**
 * The subset of VirtualService that meshbench's sidecars know. A route with anything else in it answers
 * 500: silently doing less than it says would measure something else.
 */
export function convertVirtualService(
  virtual: VirtualService,
  resolve: Resolve,
): ConvertedVirtualService {
  const backends = [{ service: '', port: 0, weight: 1, invalid: true }]
  const rules = [{ match: {}, action: { backends } }]
  return guarded(() => convert(virtual, resolve), { rules, unsupported: [MALFORMED] })
}

function convert({ spec }: VirtualService, resolve: Resolve): ConvertedVirtualService {
  const unsupported: string[] = []
  const rules = (spec?.http ?? []).flatMap((route) => {
    const unknown = [
      ...Object.keys(route).filter((field) => !ROUTE_FIELDS.has(field)),
      ...(route.match ?? []).flatMap((match) =>
        Object.keys(match)
          .filter((field) => !MATCH_FIELDS.has(field))
          .map((field) => `match.${field}`),
      ),
    ]
    unsupported.push(...unknown)
    const backends =
      unknown.length > 0
        ? [{ service: '', port: 0, weight: 1, invalid: true }]
        : backendsOf(route, resolve)
    const timeoutMs = durationMs(route.timeout)
    const action = {
      backends,
      ...(timeoutMs ? { timeoutMs } : {}),
      ...(route.retries ? { retry: retryOf(route.retries) } : {}),
    }
    const matches = route.match?.length ? route.match : [{}]
    return matches.map((match) => ({ match: matchOf(match), action }))
  })
  return { rules, unsupported }
}

function backendsOf({ route = [] }: VirtualServiceRoute, resolve: Resolve): readonly Backend[] {
  const alone = route.length === 1
  return route.map(({ destination, weight }): Backend => {
    const found = resolve(destination)
    // A single destination gets everything, whatever its weight.
    const share = alone ? 1 : (weight ?? 0)
    if (found === undefined) return { service: '', port: 0, weight: share, invalid: true }
    return {
      ...found,
      weight: share,
      ...(destination.subset ? { subset: destination.subset } : {}),
    }
  })
}

function matchOf(match: NonNullable<VirtualServiceRoute['match']>[number]): RouteMatch {
  const { uri, method, headers, queryParams } = match
  const named = (
    all: Readonly<Record<string, IstioMatch>>,
  ): { name: string; value: ValueMatch }[] =>
    Object.entries(all).map(([name, value]) => ({ name, value: valueMatch(value) }))
  return {
    ...(uri ? { path: valueMatch(uri) } : {}),
    ...(method?.exact ? { method: method.exact } : {}),
    ...(headers ? { headers: named(headers) } : {}),
    ...(queryParams ? { query: named(queryParams) } : {}),
  }
}

/** An empty match asks only for presence. */
function valueMatch({ exact, prefix, regex }: IstioMatch): ValueMatch {
  if (exact !== undefined) return { exact }
  if (prefix !== undefined) return { prefix }
  return regex === undefined ? { present: true } : { regex }
}

const GATEWAY_ERRORS = [502, 503, 504]
const ALL_5XX = Array.from({ length: 100 }, (_, n) => 500 + n)

/** Envoy's conditions, as far as HTTP/1.1 has them; numbers are statuses. */
function retryOf({
  attempts = 2,
  perTryTimeout,
  retryOn = 'connect-failure,refused-stream,unavailable,cancelled,503',
}: NonNullable<VirtualServiceRoute['retries']>): RetryPolicy {
  const conditions = new Set(retryOn.split(',').map((one) => one.trim()))
  const has = (...names: readonly string[]): boolean => names.some((name) => conditions.has(name))
  const statuses = new Set([...conditions].filter((one) => /^\d{3}$/.test(one)).map(Number))
  if (has('gateway-error')) for (const status of GATEWAY_ERRORS) statuses.add(status)
  if (has('5xx')) for (const status of ALL_5XX) statuses.add(status)
  if (has('retriable-4xx')) statuses.add(409)
  const perTryTimeoutMs = durationMs(perTryTimeout)
  return {
    attempts,
    connectFailure: has('connect-failure', '5xx', 'gateway-error'),
    reset: has('reset', '5xx', 'gateway-error'),
    statuses: [...statuses],
    ...(perTryTimeoutMs ? { perTryTimeoutMs } : {}),
  }
}
