import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import type { ProxyError } from '../errors.ts'
import { type CertificateStore, type Credential, secureContextOptions } from './certificates.ts'
import { handshakeError, verifyClient } from './verify.ts'

/** A client that connects and then says nothing must not hold a slot for ever. */
export const HANDSHAKE_TIMEOUT_MS = 10_000
/** Of one endpoint at a time. One more and the oldest goes: the one that most likely never ends. */
export const MAX_HANDSHAKES = 2_048

/** For callers that build their own `tls`, `https` or `http2` server. */
export function serverTlsOptions(credential: Credential, alpn: readonly string[]): TlsOptions {
  return {
    ...secureContextOptions(credential.certificate),
    ALPNProtocols: [...alpn],
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    noDelay: true,
  }
}

export interface MtlsAcceptorOptions {
  readonly store: CertificateStore
  /** Which of our identities this endpoint proves. */
  readonly identity: string
  readonly alpn: readonly string[]
  /**
   * The client's chain and trust domain are verified; `peer` is its SPIFFE identity, `raw` the socket
   * that was accepted.
   */
  readonly onSecure: (socket: TLSSocket, peer: string, raw: Socket) => void
  /** The connection is already being closed; for the log. */
  readonly onRefused: (error: ProxyError, socket: Socket) => void
}

/**
 * Turns accepted TCP sockets into verified mutual TLS ones. The TLS server behind it never listens: it
 * is made at the first connection and takes a new certificate at the next one, so that an idle
 * workload costs nothing and rotation needs no signal.
 */
export function createMtlsAcceptor(options: MtlsAcceptorOptions): (raw: Socket) => void {
  let server: Server | undefined
  let current: Credential | undefined
  const handshaking = new Map<string, Socket>()

  const refuse = (socket: Socket, error: ProxyError): void => {
    socket.on('error', ignore).destroy()
    options.onRefused(error, socket)
  }
  const secured = (socket: TLSSocket): void => {
    let peer: string
    try {
      peer = verifyClient(socket, current?.trustDomain ?? '')
    } catch (error) {
      refuse(socket, handshakeError(error))
      return
    }
    const key = remoteKey(socket)
    const raw = handshaking.get(key)
    handshaking.delete(key)
    // From here on a client may send FIN and still wait for the answer.
    socket.allowHalfOpen = true
    // Absent only when the client is gone already.
    if (raw) options.onSecure(socket, peer, raw)
    else socket.on('error', ignore).destroy()
  }

  return (raw) => {
    try {
      const credential = options.store.get(options.identity)
      if (!server) {
        server = createServer(serverTlsOptions(credential, options.alpn), secured)
        server.on('tlsClientError', (error, socket) =>
          refuse(socket, handshakeError(error, socket.authorizationError)),
        )
      } else if (credential !== current) {
        server.setSecureContext(secureContextOptions(credential.certificate))
      }
      current = credential
    } catch (error) {
      refuse(raw, handshakeError(error))
      return
    }
    if (handshaking.size >= MAX_HANDSHAKES) {
      const [oldest] = handshaking.values()
      oldest?.destroy()
    }
    const key = remoteKey(raw)
    handshaking.set(key, raw)
    raw.once('close', () => {
      // The kernel may have given its address to another connection before node says that it is closed.
      if (handshaking.get(key) === raw) handshaking.delete(key)
    })
    // A client that leaves in the middle is gone; otherwise its descriptor would wait for the timeout.
    raw.allowHalfOpen = false
    server.emit('connection', raw)
  }
}

/** Unique among the live connections of one listener; node tells no other way which raw socket it was. */
function remoteKey(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}`
}

function ignore(): void {}
