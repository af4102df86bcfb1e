import type { L7Config, RequestAuthentication, RequestPolicy } from '../config/l7.ts'
import { editHead } from '../http/edit-head.ts'
import { field, type RequestHead } from '../http/head.ts'
import type { Reply } from '../http/reply.ts'
import type { PolicyInput } from './rbac.ts'
import { connectionInput, connectionPolicies, denial, type TokenClaims } from './request-rbac.ts'
import { type FoundToken, type TokenVerifier, tokensOf } from './tokens.ts'

/** Let in, perhaps without its token, or answered. */
export type Admission = { readonly request: RequestHead } | { readonly reply: Reply }

const DENIED: Reply = { status: 403, body: 'RBAC: access denied', flags: '-' }

/**
 * What decides at L7 whether a request enters: first whose token it carries, then the policies, as in
 * Istio's filter order. Only made where there is something to decide.
 */
export class RequestGate {
  readonly #policies: readonly RequestPolicy[]
  readonly #connectionPolicies: readonly RequestPolicy[]
  readonly #rules: RequestAuthentication['rules']
  readonly #verifier: TokenVerifier

  constructor(
    policies: readonly RequestPolicy[],
    authentications: readonly RequestAuthentication[],
    verifier: TokenVerifier,
  ) {
    this.#policies = policies
    this.#connectionPolicies = connectionPolicies(policies)
    this.#rules = authentications.flatMap(({ rules }) => rules)
    this.#verifier = verifier
  }

  admit(request: RequestHead, connection: PolicyInput): Admission | Promise<Admission> {
    const [token] = this.#rules.length > 0 ? tokensOf(request, this.#rules) : []
    if (token === undefined) return this.#authorize(request, connection, undefined)
    const verdict = this.#verifier.check(token.token, token.rules)
    const judge = (given: Awaited<typeof verdict>): Admission => {
      if ('status' in given) return { reply: refusal(request, given.status, given.message) }
      const admitted = this.#authorize(request, connection, given.claims)
      if ('reply' in admitted || given.rule.forwardOriginalToken) return admitted
      return { request: withoutToken(request, token) }
    }
    return verdict instanceof Promise ? verdict.then(judge) : judge(verdict)
  }

  /** For what is not HTTP: undefined, or who refuses it. */
  connectionDenial(connection: PolicyInput): string | undefined {
    return denial(this.#connectionPolicies, connectionInput(connection))
  }

  #authorize(
    request: RequestHead,
    connection: PolicyInput,
    claims: TokenClaims | undefined,
  ): Admission {
    if (this.#policies.length === 0) return { request }
    const queryAt = request.target.indexOf('?')
    const details = denial(this.#policies, {
      ...connection,
      method: request.method,
      path: queryAt < 0 ? request.target : request.target.slice(0, queryAt),
      host: request.host,
      header: (name) => field(request, name),
      claims,
    })
    return details === undefined ? { request } : { reply: { ...DENIED, details } }
  }
}

/** Undefined when nothing in the configuration concerns this service, or this proxy's pod. */
export function requestGate(
  l7: L7Config | undefined,
  service: string | undefined,
  verifier: TokenVerifier,
): RequestGate | undefined {
  const concerns = ({ services }: { readonly services?: readonly string[] }): boolean =>
    services === undefined || (service !== undefined && services.includes(service))
  const policies = l7?.policies.filter(concerns) ?? []
  const authentications = l7?.authentications.filter(concerns) ?? []
  if (policies.length === 0 && authentications.length === 0) return undefined
  return new RequestGate(policies, authentications, verifier)
}

function withoutToken(request: RequestHead, { header }: FoundToken): RequestHead {
  return header === undefined ? request : editHead(request, [{ remove: [header] }]).head
}

function refusal(request: RequestHead, status: 401 | 403, body: string): Reply {
  const path = request.target.split('?')[0] ?? ''
  const realm = `http://${request.host}${path}`.replace(/["\\]/g, '')
  const lines = `www-authenticate: Bearer realm="${realm}", error="invalid_token"\r\n`
  const details = `jwt_authn_access_denied{${body.replaceAll(' ', '_')}}`
  return { status, body, flags: '-', details, ...(status === 401 ? { lines } : {}) }
}
