import type { TcpNetConnectOpts } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import type { SocketAddress } from '../config/process.ts'
import { errorCode, errorMessage, ProxyError } from '../errors.ts'
import type { Credential } from './certificates.ts'
import { checkServer, handshakeError } from './verify.ts'

/** Envoy's and ztunnel's limit for a TCP connect; here it covers the handshake too. */
export const CONNECT_TIMEOUT_MS = 10_000
/** ztunnel's TCP keep-alive, src/config.rs. */
export const TCP_KEEPALIVE_MS = 180_000

export interface MtlsConnectOptions {
  readonly address: SocketAddress
  readonly credential: Credential
  /** The server must name one of these, compared exactly. */
  readonly expectedIdentities: readonly string[]
  readonly alpn: readonly string[]
  /** Source address to bind, so that the peer sees the pod and not its proxy. */
  readonly localAddress?: string
  /** @default CONNECT_TIMEOUT_MS */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** Resolves once both sides have proved who they are. There is no way back to plaintext. */
export function connectMtls(options: MtlsConnectOptions): Promise<TLSSocket> {
  const { address, signal } = options
  const where = `${address.host}:${address.port}`
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const socket = connect(connectOptions(options))

    const fail = (error: unknown): void => {
      settle()
      socket.on('error', () => {}).destroy()
      reject(error)
    }
    let connected = false
    const onConnect = (): void => {
      connected = true
      socket.setNoDelay(true)
      socket.setKeepAlive(true, TCP_KEEPALIVE_MS)
    }
    const onSecure = (): void => {
      if (!socket.alpnProtocol && options.alpn.length > 0) {
        fail(new ProxyError('TLS_HANDSHAKE', `${where} agreed on none of ${options.alpn}`))
        return
      }
      settle()
      resolve(socket)
    }
    const onError = (error: Error): void => {
      fail(
        connected
          ? handshakeError(error, socket.authorizationError)
          : new ProxyError('CONNECT_FAILED', connectMessage(where, error), { cause: error }),
      )
    }
    const onAbort = (): void => fail(signal?.reason)
    const timer = setTimeout(
      () =>
        fail(
          connected
            ? new ProxyError('TLS_HANDSHAKE', `${where} did not finish the TLS handshake in time`)
            : new ProxyError('CONNECT_TIMEOUT', `${where} did not accept the connection in time`),
        ),
      options.timeoutMs ?? CONNECT_TIMEOUT_MS,
    )
    const settle = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      socket.off('error', onError)
    }
    signal?.addEventListener('abort', onAbort)
    socket.once('connect', onConnect)
    socket.once('secureConnect', onSecure)
    socket.on('error', onError)
  })
}

function connectOptions(options: MtlsConnectOptions): ConnectionOptions & TcpNetConnectOpts {
  const { address, localAddress } = options
  return {
    host: address.host,
    port: address.port,
    ...(localAddress ? { localAddress } : {}),
    secureContext: options.credential.secureContext(),
    ALPNProtocols: [...options.alpn],
    // Mesh identities are URI names; ztunnel sends no server name.
    servername: '',
    rejectUnauthorized: true,
    allowHalfOpen: true,
    checkServerIdentity: (_host, certificate) =>
      checkServer(certificate.subjectaltname, options.expectedIdentities),
  }
}

function connectMessage(where: string, error: Error): string {
  return errorCode(error) === 'ECONNREFUSED'
    ? `nothing listens on ${where}`
    : `cannot connect to ${where}: ${errorMessage(error)}`
}
