import type { TokenRule } from '../config/l7.ts'
import { fields, type RequestHead } from '../http/head.ts'
import type { TokenClaims } from './request-rbac.ts'

export type TokenVerdict =
  | { readonly claims: TokenClaims; readonly rule: TokenRule }
  | { readonly status: 401 | 403; readonly message: string }

export interface TokenVerifier {
  check(token: string, rules: readonly TokenRule[]): TokenVerdict | Promise<TokenVerdict>
}

export interface FoundToken {
  readonly token: string
  /** The header it came in; undefined for a query parameter. */
  readonly header?: string
  /** Rules that look there. */
  readonly rules: readonly TokenRule[]
}

const DEFAULT_HEADERS = [{ name: 'authorization', prefix: 'Bearer ' }]
const DEFAULT_PARAMS = ['access_token']

/** Where the rules look for tokens, in Envoy's order: headers, then query parameters. */
export function tokensOf(request: RequestHead, rules: readonly TokenRule[]): readonly FoundToken[] {
  const found = new Map<string, FoundToken>()
  const add = (token: string, rule: TokenRule, header?: string): void => {
    const held = found.get(token)
    const known = held ? [...held.rules, rule] : [rule]
    found.set(token, { token, rules: known, ...(header ? { header } : {}) })
  }
  const all = fields(request)
  const queryAt = request.target.indexOf('?')
  const query = queryAt < 0 ? undefined : new URLSearchParams(request.target.slice(queryAt))
  for (const rule of rules) {
    const { fromHeaders, fromParams } = rule
    const everywhere = fromHeaders === undefined && fromParams === undefined
    for (const { name, prefix } of fromHeaders ?? (everywhere ? DEFAULT_HEADERS : [])) {
      const value = all.find(([key]) => key.toLowerCase() === name)?.[1]
      if (value?.startsWith(prefix)) add(value.slice(prefix.length).trim(), rule, name)
    }
    for (const param of fromParams ?? (everywhere ? DEFAULT_PARAMS : [])) {
      const value = query?.get(param)
      if (value) add(value, rule)
    }
  }
  return [...found.values()]
}
