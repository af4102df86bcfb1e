import { type ClusterError, statusError } from '../errors.ts'
import type { KindDefinition, KindTable } from './kind-table.ts'

/** What a URL below /api or /apis names. */
export interface Route {
  readonly kind: KindDefinition
  readonly namespace?: string
  readonly name?: string
  readonly subresource?: string
  /** What follows the subresource, undecoded and with its slash: the path a proxy request is for. */
  readonly rest: string
}

/** Undefined when nothing is served there. */
export function parseRoute(pathname: string, kinds: KindTable): Route | undefined {
  const raw = pathname.split('/').slice(1)
  const groupLength = raw[0] === 'api' ? 2 : raw[0] === 'apis' ? 3 : 0
  if (groupLength === 0 || raw.length <= groupLength) return undefined
  const apiVersion = raw.slice(1, groupLength).map(decode).join('/')
  let at = groupLength
  let namespace: string | undefined
  // /namespaces/a/pods is about pods; /namespaces/a and /namespaces/a/status about the namespace.
  const inside = raw[at] === 'namespaces' && kinds.byPath(apiVersion, decode(raw[at + 2] ?? ''))
  if (inside) {
    namespace = decode(raw[at + 1] ?? '')
    at += 2
  }
  const kind = kinds.byPath(apiVersion, decode(raw[at] ?? ''))
  if (kind === undefined || (namespace !== undefined && !kind.namespaced)) return undefined
  const [, name, subresource, ...rest] = raw.slice(at)
  if (kind.namespaced && name !== undefined && namespace === undefined) return undefined
  return {
    kind,
    ...(namespace !== undefined && { namespace }),
    ...(name && { name: decode(name) }),
    ...(subresource && { subresource: decode(subresource) }),
    rest: rest.length === 0 ? '' : `/${rest.join('/')}`,
  }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw statusError('BadRequest', `the path segment "${segment}" is not properly encoded`)
  }
}

export function nothingThere(): ClusterError {
  return statusError('NotFound', 'the server could not find the requested resource')
}

export function notAllowed(): ClusterError {
  const message = 'the server does not allow this method on the requested resource'
  return statusError('MethodNotAllowed', message)
}
