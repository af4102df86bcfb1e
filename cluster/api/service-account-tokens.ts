import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { isObject, type JsonObject } from './json.ts'

const DEFAULT_SECONDS = 3_600
/** As in Kubernetes (pkg/apis/authentication/validation). */
const LEAST_SECONDS = 600
const MOST_SECONDS = 2 ** 32
const AUDIENCE = 'https://kubernetes.default.svc'

export interface ServiceAccountTokens {
  /** The answer to a TokenRequest for this account. */
  issue(account: Readonly<KubeObject>, request: JsonObject): JsonObject
  /** Whether it was issued here and has not expired. */
  accepts(token: string): boolean
}

/**
 * JSON Web Tokens for service accounts, as `kubectl create token` wants them. There is no RBAC here: like
 * the kubeconfig's own token each of them may do everything, until it expires.
 */
export function serviceAccountTokens(nowMs: () => number = Date.now): ServiceAccountTokens {
  const key = randomBytes(32)
  const sign = (content: string): Buffer => createHmac('sha256', key).update(content).digest()
  return {
    issue: (account, request) => {
      const seconds = secondsOf(request)
      const { name, namespace, uid } = account.metadata
      const issuedAt = Math.floor(nowMs() / 1000)
      const expiresAt = issuedAt + seconds
      const content = [
        { alg: 'HS256', typ: 'JWT' },
        {
          aud: [AUDIENCE],
          exp: expiresAt,
          iat: issuedAt,
          iss: AUDIENCE,
          jti: randomUUID(),
          'kubernetes.io': { namespace, serviceaccount: { name, uid } },
          nbf: issuedAt,
          sub: `system:serviceaccount:${namespace}:${name}`,
        },
      ]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.')
      const token = `${content}.${sign(content).toString('base64url')}`
      return {
        kind: 'TokenRequest',
        apiVersion: 'authentication.k8s.io/v1',
        metadata: { name, namespace, creationTimestamp: time(issuedAt) },
        spec: { audiences: [AUDIENCE], expirationSeconds: seconds },
        status: { token, expirationTimestamp: time(expiresAt) },
      }
    },
    accepts: (token) => {
      const [head = '', claims = '', signature = '', ...rest] = token.split('.')
      const given = Buffer.from(signature, 'base64url')
      const wanted = sign(`${head}.${claims}`)
      if (rest.length > 0 || given.length !== wanted.length) return false
      if (!timingSafeEqual(given, wanted)) return false
      // Ours, so it is what we wrote.
      const { exp, nbf } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'))
      return nowMs() < exp * 1000 && nowMs() >= nbf * 1000
    },
  }
}

function secondsOf(request: JsonObject): number {
  const spec = isObject(request.spec) ? request.spec : {}
  const seconds = spec.expirationSeconds ?? DEFAULT_SECONDS
  if (typeof seconds === 'number' && seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS) {
    return Math.floor(seconds)
  }
  const message = 'may not specify a duration less than 10 minutes or larger than 2^32 seconds'
  const full = `TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: ${JSON.stringify(seconds)}: ${message}`
  const cause = { reason: 'FieldValueInvalid', message, field: 'spec.expirationSeconds' }
  throw statusError('Invalid', full, { causes: [cause] })
}

function time(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toISOString().replace('.000Z', 'Z')
}
