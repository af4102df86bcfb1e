import type { Backend, L7Config, RetryPolicy, RouteAction, RouteRule } from '../config/l7.ts'
import type { Cluster } from '../http/cluster.ts'
import { editHead, retarget } from '../http/edit-head.ts'
import { field, type RequestHead } from '../http/head.ts'
import { type Reply, replies } from '../http/reply.ts'
import { OUTBOUND_RETRY, type RetryRules } from '../http/retry.ts'
import type { Plan, Route } from '../http/rules.ts'
import { redirectLocation, rewritePath } from './rewrite.ts'
import { RouteTable, weighted } from './route-table.ts'

export type Router = (request: RequestHead) => Route

export interface RouterOptions {
  readonly l7: L7Config | undefined
  /** `namespace/hostname`. */
  readonly service: string
  readonly port: number
  /** The service itself, where requests go that no route sends elsewhere. */
  readonly cluster: Cluster
  readonly backend: (backend: Backend) => Cluster | undefined
  readonly random?: () => number
}

const INVALID_BACKEND: Reply = { status: 500, body: '', flags: '-', details: 'direct_response' }

/**
 * Decides for every request to one service port. Without routes that is the service itself
 * (istio/istio pilot/pkg/networking/core/waypoint.go: the default route); with routes a request that
 * none of them matches gets 404.
 */
export function createRouter(options: RouterOptions): Router {
  const { l7, service, port, cluster } = options
  const routes = l7?.routes.find(
    (one) => one.service === service && (one.port === undefined || one.port === port),
  )
  if (routes === undefined) {
    const toService: Route = { cluster, routeName: 'default' }
    return () => toService
  }
  const table = new RouteTable(routes.rules)
  return (request) => {
    const queryAt = request.target.indexOf('?')
    const rule = table.find({
      method: request.method,
      path: queryAt < 0 ? request.target : request.target.slice(0, queryAt),
      query: queryAt < 0 ? '' : request.target.slice(queryAt + 1),
      header: (name) => (name === ':authority' ? request.host : field(request, name)),
    })
    return rule === undefined ? { reply: replies.noRoute } : routeBy(rule, request, options)
  }
}

function routeBy(rule: RouteRule, request: RequestHead, options: RouterOptions): Route {
  const { action, match } = rule
  if (action.redirect) {
    const location = redirectLocation(action.redirect, request, match)
    const lines = `location: ${location}\r\n`
    return {
      reply: {
        status: action.redirect.status,
        body: '',
        flags: '-',
        lines,
        details: 'direct_response',
      },
    }
  }
  const random = options.random ?? Math.random
  const own = action.backends.length === 0
  const backend = own ? undefined : weighted(action.backends, random)
  if (!own && (backend === undefined || backend.invalid)) return { reply: INVALID_BACKEND }
  const cluster = backend ? options.backend(backend) : options.cluster
  if (cluster === undefined) return { reply: INVALID_BACKEND }
  return plan(rule, request, { cluster, backend, random, options })
}

interface Chosen {
  readonly cluster: Cluster
  readonly backend: Backend | undefined
  readonly random: () => number
  readonly options: RouterOptions
}

function plan(
  { action, match }: RouteRule,
  request: RequestHead,
  { cluster, backend, random, options }: Chosen,
): Plan {
  const target = action.rewritePath
    ? rewritePath(request.target, action.rewritePath, match)
    : request.target
  const sent = retarget(request, target, action.rewriteHost ?? request.host)
  const requestChanges = [action.requestHeaders, backend?.requestHeaders].filter(isGiven)
  const responseChanges = [backend?.responseHeaders, action.responseHeaders].filter(isGiven)
  const edited = editHead(sent, requestChanges)
  const mirrors = mirrorsOf(action, random, options)
  return {
    cluster,
    ...(edited.head === request ? {} : { request: edited.head }),
    ...(edited.lines === '' ? {} : { requestLines: edited.lines }),
    ...(responseChanges.length > 0 ? { responseChanges } : {}),
    ...(action.timeoutMs ? { timeoutMs: action.timeoutMs } : {}),
    ...(action.retry ? { retry: retryRules(action.retry) } : {}),
    ...(mirrors.length > 0 ? { mirrors } : {}),
  }
}

function mirrorsOf(
  { mirrors = [] }: RouteAction,
  random: () => number,
  { backend }: RouterOptions,
): readonly Cluster[] {
  return mirrors.flatMap((mirror) => {
    if (mirror.backend.invalid || random() * 100 >= mirror.percent) return []
    return backend(mirror.backend) ?? []
  })
}

function retryRules(policy: RetryPolicy): RetryRules {
  const { attempts, connectFailure, reset, statuses, perTryTimeoutMs, backOffMs } = policy
  return {
    ...OUTBOUND_RETRY,
    retries: attempts,
    connectFailure,
    reset,
    statuses,
    ...(perTryTimeoutMs ? { perTryTimeoutMs } : {}),
    ...(backOffMs ? { backOffMs } : {}),
  }
}

function isGiven<T>(value: T | undefined): value is T {
  return value !== undefined
}
