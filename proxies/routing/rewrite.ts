import type { PathChange, Redirect, RouteMatch } from '../config/l7.ts'

/** The path of a target after a rewrite; the query stays. */
export function rewritePath(target: string, change: PathChange, match: RouteMatch): string {
  const queryAt = target.indexOf('?')
  const path = queryAt < 0 ? target : target.slice(0, queryAt)
  const query = queryAt < 0 ? '' : target.slice(queryAt)
  if ('full' in change) return `${change.full}${query}`
  const matched = matchedPrefix(match)
  const rest = path.slice(matched.length)
  const base = change.prefix.replace(/\/+$/, '')
  const separator = rest === '' || rest.startsWith('/') || literalPrefix(match) ? '' : '/'
  const joined = literalPrefix(match) ? `${change.prefix}${rest}` : `${base}${separator}${rest}`
  return `${joined === '' ? '/' : joined}${query}`
}

/** VirtualServices replace the very characters, HTTPRoutes whole segments. */
function literalPrefix({ path }: RouteMatch): boolean {
  return path !== undefined && 'prefix' in path
}

function matchedPrefix({ path }: RouteMatch): string {
  if (path === undefined) return ''
  if ('segments' in path) return path.segments.replace(/\/+$/, '')
  return 'prefix' in path ? path.prefix : ''
}

/** Where a redirect leads: what it leaves open comes from the request. */
export function redirectLocation(
  { scheme, host, port, path }: Redirect,
  request: { readonly host: string; readonly target: string },
  match: RouteMatch,
): string {
  const [, name = request.host, ownPort] = /^(.*?)(?::(\d+))?$/.exec(request.host) ?? []
  const keepsPort = host === undefined && scheme === undefined
  const chosen = port ?? (keepsPort && ownPort !== undefined ? Number(ownPort) : undefined)
  const usual = scheme === 'https' ? 443 : 80
  const suffix = chosen === undefined || chosen === usual ? '' : `:${chosen}`
  const target = path === undefined ? request.target : rewritePath(request.target, path, match)
  return `${scheme ?? 'http'}://${host ?? name}${suffix}${target}`
}
