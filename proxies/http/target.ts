import { MalformedMessage } from './errors.ts'

const HOST = /^(?:[A-Za-z0-9\-._~%!$&'()*+,;=]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/
const ABSOLUTE = /^https?:\/\/([^/?]+)(.*)$/i

export interface ResolvedTarget {
  readonly target: string
  readonly host: string
}

/**
 * Brings the four forms of a request target (https://www.rfc-editor.org/rfc/rfc9112#section-3.2)
 * to the one a server wants. In absolute form the target's authority replaces Host.
 */
export function resolveTarget(method: string, target: string, host: string): ResolvedTarget {
  if (host !== '' && !HOST.test(host)) throw new MalformedMessage('Host is not a valid authority')
  if (method === 'CONNECT') {
    if (!/:\d{1,5}$/.test(target) || !HOST.test(target)) {
      throw new MalformedMessage('the target of CONNECT is not host:port')
    }
    return { target, host }
  }
  if (target.charCodeAt(0) === 0x2f) return { target: normalisePath(target), host }
  if (target === '*' && method === 'OPTIONS') return { target, host }
  const [, authority, rest] = ABSOLUTE.exec(target) ?? []
  if (authority === undefined || rest === undefined || !HOST.test(authority)) {
    throw new MalformedMessage('the request target is in none of the four forms')
  }
  return { target: normalisePath(rest.startsWith('/') ? rest : `/${rest}`), host: authority }
}

/** Cheap test whether a path needs work at all; hardly any does. */
const SUSPICIOUS = /\/\.|\\|%2e|%5c/i

/**
 * Istio's BASE path normalisation: backslashes become slashes, dot segments are resolved, so that
 * a policy and an application never see different paths. The query stays as it is.
 */
function normalisePath(target: string): string {
  if (!SUSPICIOUS.test(target)) return target
  const queryAt = target.indexOf('?')
  const path = queryAt < 0 ? target : target.slice(0, queryAt)
  const query = queryAt < 0 ? '' : target.slice(queryAt)
  const segments: string[] = []
  const parts = path.replaceAll('\\', '/').replace(/%2e/gi, '.').slice(1).split('/')
  parts.forEach((part, index) => {
    const last = index === parts.length - 1
    if (part === '..') segments.pop()
    if (part !== '.' && part !== '..') segments.push(part)
    else if (last) segments.push('')
  })
  return `/${segments.join('/')}${query}`
}
