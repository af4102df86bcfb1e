import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import type { ProxyError } from '../errors.ts'
import { type CertificateStore, type Credential, secureContextOptions } from './certificates.ts'
import { handshakeError, verifyClient } from './verify.ts'

/** A client that connects and then says nothing must not hold a slot for ever. */
const HANDSHAKE_TIMEOUT_MS = 10_000

/** For callers that build their own `tls`, `https` or `http2` server. */
export function serverTlsOptions(credential: Credential, alpn: readonly string[]): TlsOptions {
  return {
    ...secureContextOptions(credential.certificate),
    ALPNProtocols: [...alpn],
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    // A client may send FIN and still wait for the answer.
    allowHalfOpen: true,
    noDelay: true,
  }
}

export interface MtlsAcceptorOptions {
  readonly store: CertificateStore
  /** Which of our identities this endpoint proves. */
  readonly identity: string
  readonly alpn: readonly string[]
  /** The client's chain and trust domain are verified; `peer` is its SPIFFE identity. */
  readonly onSecure: (socket: TLSSocket, peer: string) => void
  /** The connection is already being closed; for the log. */
  readonly onRefused: (error: ProxyError, socket: TLSSocket | Socket) => void
}

/**
 * Turns accepted TCP sockets into verified mutual TLS ones. The TLS server behind it never listens: it
 * is made at the first connection and takes a new certificate at the next one, so that an idle
 * workload costs nothing and rotation needs no signal.
 */
export function createMtlsAcceptor(options: MtlsAcceptorOptions): (raw: Socket) => void {
  let server: Server | undefined
  let current: Credential | undefined

  const secured = (socket: TLSSocket): void => {
    socket.setNoDelay(true)
    let peer: string
    try {
      peer = verifyClient(socket, current?.trustDomain ?? '')
    } catch (error) {
      socket.on('error', ignore).destroy()
      options.onRefused(handshakeError(error), socket)
      return
    }
    options.onSecure(socket, peer)
  }

  return (raw) => {
    try {
      const credential = options.store.get(options.identity)
      if (!server) {
        server = createServer(serverTlsOptions(credential, options.alpn), secured)
        server.on('tlsClientError', (error, socket) => {
          socket.on('error', ignore).destroy()
          options.onRefused(handshakeError(error, socket.authorizationError), socket)
        })
      } else if (credential !== current) {
        server.setSecureContext(secureContextOptions(credential.certificate))
      }
      current = credential
    } catch (error) {
      raw.on('error', ignore).destroy()
      options.onRefused(handshakeError(error), raw)
      return
    }
    server.emit('connection', raw)
  }
}

function ignore(): void {}
