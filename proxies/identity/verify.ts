import type { TLSSocket } from 'node:tls'
import { errorCode, errorMessage, ProxyError } from '../errors.ts'
import { parseSpiffe, uriNames } from './spiffe.ts'

/**
 * Server side, after the chain was verified: at least one URI name in our own trust domain
 * (istio/ztunnel src/tls/workload.rs). Which identity it is, is for policy to judge.
 */
export function verifyClient(socket: TLSSocket, trustDomain: string): string {
  const identities = peerNames(socket).filter((uri) => parseSpiffe(uri) !== undefined)
  const [first] = identities
  if (!first) {
    throw new ProxyError('PEER_IDENTITY', 'the client certificate names no SPIFFE workload')
  }
  if (!identities.some((uri) => parseSpiffe(uri)?.trustDomain === trustDomain)) {
    throw new ProxyError(
      'PEER_TRUST_DOMAIN',
      `client ${identities.join(', ')} is outside the trust domain ${trustDomain}`,
    )
  }
  return first
}

/** Client side, in the shape of node's `checkServerIdentity`. An empty set accepts nobody. */
export function checkServer(
  subjectAltName: string | undefined,
  expected: readonly string[],
): ProxyError | undefined {
  const names = uriNames(subjectAltName)
  if (names.some((name) => expected.includes(name))) return undefined
  return new ProxyError(
    'PEER_IDENTITY',
    `server is ${names.join(', ') || 'nobody'}, expected ${expected.join(' or ') || 'nobody'}`,
  )
}

/** Puts a failed handshake into one of our codes; node tells the causes apart only by text. */
export function handshakeError(error: unknown, authorizationError?: unknown): ProxyError {
  if (error instanceof ProxyError) return error
  const reason = authorizationError ? String(authorizationError) : undefined
  const code = reason ?? errorCode(error)
  if (code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') {
    return new ProxyError('PEER_NO_CERTIFICATE', 'the client sent no certificate', { cause: error })
  }
  if (reason || (code !== undefined && chainErrors.test(code))) {
    return new ProxyError('PEER_UNTRUSTED', `peer certificate refused: ${code}`, { cause: error })
  }
  return new ProxyError('TLS_HANDSHAKE', `TLS handshake failed: ${errorMessage(error)}`, {
    cause: error,
  })
}

/** Names of X.509 verification results, https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const chainErrors = /CERT|SIGNATURE|ISSUER|CRL|PURPOSE|_CA$|HOSTNAME/

function peerNames(socket: TLSSocket): string[] {
  return uriNames(socket.getPeerX509Certificate()?.subjectAltName)
}
