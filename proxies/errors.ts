/**
 * Response flags of ztunnel's metrics and access log; `-` = nothing to report. A failed handshake is
 * CONNECT there too.
 */
export type ResponseFlag = '-' | 'DENY' | 'CONNECT' | 'NETWORK_POLICY' | 'IDENTITY_ERROR'

interface ErrorKind {
  readonly hint: string
  readonly exitCode: number
  readonly flag: ResponseFlag
}

/** Every way a proxy fails, in one place. Exit codes as in the command line's table. */
const kinds = {
  CONFIG_INVALID: {
    hint: 'Correct the named field of the configuration and start again.',
    exitCode: 2,
    flag: '-',
  },
  ADDRESS_IN_USE: {
    hint: 'Choose another port, or stop the process that holds this one.',
    exitCode: 5,
    flag: '-',
  },
  IDENTITY_MISSING: {
    hint: 'The control plane has not issued a certificate for this identity yet.',
    exitCode: 5,
    flag: 'IDENTITY_ERROR',
  },
  PEER_NO_CERTIFICATE: {
    hint: 'The peer speaks TLS but is not part of the mesh.',
    exitCode: 5,
    flag: 'CONNECT',
  },
  PEER_UNTRUSTED: {
    hint: 'Compare the issuer and validity of the peer certificate with the mesh roots.',
    exitCode: 5,
    flag: 'CONNECT',
  },
  PEER_TRUST_DOMAIN: {
    hint: 'Only workloads of the same trust domain may connect.',
    exitCode: 5,
    flag: 'CONNECT',
  },
  PEER_IDENTITY: {
    hint: 'Something else answers at this address, or the registry is out of date.',
    exitCode: 5,
    flag: 'CONNECT',
  },
  TLS_HANDSHAKE: {
    hint: 'The peer may have refused our certificate; its log tells the reason.',
    exitCode: 5,
    flag: 'CONNECT',
  },
  POOL_OVERFLOW: {
    hint: 'A DestinationRule limits connections or waiting requests; raise it or add endpoints.',
    exitCode: 5,
    flag: 'CONNECT',
  },
  CONNECT_TIMEOUT: {
    hint: 'A NetworkPolicy may block the port (15008 for HBONE).',
    exitCode: 5,
    flag: 'NETWORK_POLICY',
  },
  CONNECT_FAILED: {
    hint: 'The destination does not accept connections.',
    exitCode: 5,
    flag: 'CONNECT',
  },
  UPSTREAM_PROTOCOL: {
    hint: 'It may speak HTTP/1.1 only: call it so, and name its port `http`, not `http2` or `grpc`.',
    exitCode: 5,
    flag: 'CONNECT',
  },
  TUNNEL_REFUSED: {
    hint: 'The log of the destination proxy tells why.',
    exitCode: 5,
    flag: 'CONNECT',
  },
  NO_UPSTREAM: {
    hint: 'Check that the service has ready endpoints for this port.',
    exitCode: 5,
    flag: 'CONNECT',
  },
  NO_WAYPOINT: {
    hint: 'The waypoint named by the destination has no address or no ready pod.',
    exitCode: 5,
    flag: 'CONNECT',
  },
  UNKNOWN_SOURCE: {
    hint: 'The workload is not in the registry yet.',
    exitCode: 5,
    flag: '-',
  },
  SELF_CALL: {
    hint: 'Applications must not address the ports of the mesh itself.',
    exitCode: 5,
    flag: '-',
  },
  POLICY_DENIED: {
    hint: 'An authorization policy does not allow this connection.',
    exitCode: 5,
    flag: 'DENY',
  },
} as const satisfies Record<string, ErrorKind>

export type ProxyErrorCode = keyof typeof kinds

export class ProxyError extends Error {
  override readonly name = 'ProxyError'
  readonly code: ProxyErrorCode
  readonly hint: string
  readonly exitCode: number
  readonly flag: ResponseFlag

  constructor(code: ProxyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    const kind: ErrorKind = kinds[code]
    this.hint = kind.hint
    this.exitCode = kind.exitCode
    this.flag = kind.flag
  }
}

/** The system error code (`ECONNRESET`, `ERR_SSL_...`) of anything thrown, if it has one. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
