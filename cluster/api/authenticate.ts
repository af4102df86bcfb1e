import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { ServiceAccountTokens } from './service-account-tokens.ts'

export function createToken(): string {
  return randomBytes(32).toString('base64url')
}

/** Compares digests in constant time, so that neither length nor content of the token leaks. */
export function tokenCheck(
  token: string,
  accounts: Pick<ServiceAccountTokens, 'accepts'>,
): (message: IncomingMessage) => boolean {
  const wanted = digest(token)
  return ({ headers }) => {
    const given = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
    if (given === undefined) return false
    return timingSafeEqual(digest(given), wanted) || accounts.accepts(given)
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
