import { isIP } from 'node:net'
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose'
import type { TokenRule } from '../config/l7.ts'
import { errorCode } from '../errors.ts'
import type { TokenClaims } from '../policy/request-rbac.ts'
import type { TokenVerdict, TokenVerifier } from '../policy/tokens.ts'

/** Envoy's default for `exp` and `nbf`. */
const CLOCK_SKEW_SECONDS = 60
/** istiod's refresh interval. */
const KEYS_LIFETIME_MS = 20 * 60_000
const FETCH_TIMEOUT_MS = 5_000
const CACHED_TOKENS = 200

type Jose = typeof import('jose')

/** Loaded with the first token: most proxies never see one. */
let loading: Promise<Jose> | undefined

/**
 * Checks JSON Web Tokens with Envoy's answers
 * (https://github.com/google/jwt_verify_lib/blob/master/src/status.cc). Keys and verified tokens are
 * kept; a new snapshot makes a new verifier.
 */
export function createTokenVerifier(isMeshAddress: (ip: string) => boolean): TokenVerifier {
  const keys = new Map<
    string,
    { readonly get: Promise<JWTVerifyGetKey>; readonly untilMs: number }
  >()
  const verified = new WeakMap<TokenRule, Map<string, TokenClaims>>()

  const keysOf = (jose: Jose, rule: TokenRule): Promise<JWTVerifyGetKey> => {
    const name = rule.jwks ?? rule.jwksUri ?? ''
    const held = keys.get(name)
    if (held && held.untilMs > Date.now()) return held.get
    const get = keySet(rule, isMeshAddress).then((set) => jose.createLocalJWKSet(set))
    keys.set(name, { get, untilMs: Date.now() + KEYS_LIFETIME_MS })
    get.catch(() => keys.delete(name))
    return get
  }

  const check = async (token: string, rules: readonly TokenRule[]): Promise<TokenVerdict> => {
    loading ??= import('jose')
    const jose = await loading
    let getKey: JWTVerifyGetKey
    let rule: TokenRule | undefined
    try {
      const issuer = jose.decodeJwt(token).iss
      jose.decodeProtectedHeader(token)
      rule = rules.find((one) => one.issuer === issuer)
    } catch {
      return refused(
        'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections',
      )
    }
    if (rule === undefined) return refused('Jwt issuer is not configured')
    try {
      getKey = await keysOf(jose, rule)
    } catch {
      return refused('Jwks remote fetch is failed')
    }
    try {
      const audience = rule.audiences?.length ? { audience: [...rule.audiences] } : {}
      const options = { issuer: rule.issuer, clockTolerance: CLOCK_SKEW_SECONDS, ...audience }
      const { payload } = await jose.jwtVerify(token, getKey, options)
      remember(rule, token, payload)
      return { claims: payload, rule }
    } catch (error) {
      return refusal(error)
    }
  }
  const remember = (rule: TokenRule, token: string, claims: TokenClaims): void => {
    const tokens = verified.get(rule) ?? new Map<string, TokenClaims>()
    if (tokens.size >= CACHED_TOKENS) tokens.clear()
    verified.set(rule, tokens.set(token, claims))
  }
  return {
    check: (token, rules) => {
      for (const rule of rules) {
        const claims = verified.get(rule)?.get(token)
        if (claims && isCurrent(claims)) return { claims, rule }
      }
      return check(token, rules)
    },
  }
}

async function keySet(
  { jwks, jwksUri }: TokenRule,
  isMeshAddress: (ip: string) => boolean,
): Promise<JSONWebKeySet> {
  if (jwks !== undefined) return JSON.parse(jwks) as JSONWebKeySet
  const uri = new URL(jwksUri ?? '')
  const host = uri.hostname.replace(/^\[|\]$/g, '')
  const near =
    host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
  if (!near && !isMeshAddress(host)) throw new Error(`${host} is neither loopback nor a pod`)
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS)
  const response = await fetch(uri, { redirect: 'error', signal })
  if (!response.ok) throw new Error(`${jwksUri} answered ${response.status}`)
  return (await response.json()) as JSONWebKeySet
}

function isCurrent({ exp }: TokenClaims): boolean {
  return typeof exp !== 'number' || exp + CLOCK_SKEW_SECONDS > Date.now() / 1_000
}

function refused(message: string, status: 401 | 403 = 401): TokenVerdict {
  return { status, message }
}

function refusal(error: unknown): TokenVerdict {
  switch (errorCode(error)) {
    case 'ERR_JWT_EXPIRED':
      return refused('Jwt is expired')
    case 'ERR_JWT_CLAIM_VALIDATION_FAILED': {
      const claim = error instanceof Error ? Reflect.get(error, 'claim') : undefined
      if (claim === 'nbf') return refused('Jwt not yet valid')
      if (claim === 'aud') return refused('Audiences in Jwt are not allowed', 403)
      return refused('Jwt verification fails')
    }
    case 'ERR_JWKS_NO_MATCHING_KEY':
    case 'ERR_JOSE_ALG_NOT_ALLOWED':
      return refused("Jwks doesn't have key to match kid or alg from Jwt")
    default:
      return refused('Jwt verification fails')
  }
}
