import type { ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2'
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { errorMessage, ProxyError } from '../errors.ts'
import { closeIdleSession, endSession } from './end-session.ts'
import { keepAlive } from './keepalive.ts'
import { CONNECTION_WINDOW_BYTES, clientSessionOptions, POOL_MAX_STREAMS } from './settings.ts'

/** The other side may wait 5 s for a record of the pod and 10 s for its application to accept. */
const ANSWER_TIMEOUT_MS = 20_000

/** What a CONNECT tells the next hop (istio/ztunnel src/proxy/outbound.rs). */
export interface ConnectRequest {
  /** `ip:port`, or `hostname:port`. */
  readonly authority: string
  readonly baggage?: string
  readonly forwarded?: string
  readonly traceparent?: string
}

/** The server never looked at the request (RFC 9113 section 8.7), so it may go to another tunnel. */
export class StreamUnprocessed extends Error {
  override readonly name = 'StreamUnprocessed'
}

export interface TunnelEvents {
  /** Its last stream ended and it could take others. */
  readonly onIdle: (tunnel: Tunnel) => void
  /** It is closing or closed, without streams; may come twice. */
  readonly onClosing: (tunnel: Tunnel) => void
}

/**
 * The client's end of one HBONE connection.
 * - `active` counts streams from `reserve` to close, also those still waiting for their 200.
 * - Every `reserve` is followed by one `open`.
 * - Once `retired` it takes no new stream and closes when the last one ends.
 */
export class Tunnel {
  #active = 0
  readonly #session: ClientHttp2Session
  readonly #socket: TLSSocket
  readonly #events: TunnelEvents
  #retired = false

  private constructor(session: ClientHttp2Session, socket: TLSSocket, events: TunnelEvents) {
    this.#session = session
    this.#socket = socket
    this.#events = events
  }

  /** As ztunnel it does not wait for the peer's SETTINGS. */
  static over(socket: TLSSocket, events: TunnelEvents): Tunnel {
    // Streams have their own ends; a tunnel whose peer has gone is over at once.
    socket.allowHalfOpen = false
    const session = connectHttp2('https://hbone', {
      ...clientSessionOptions,
      createConnection: () => socket,
    })
    const tunnel = new Tunnel(session, socket, events)
    session.once('connect', () => {
      if (!session.destroyed) session.setLocalWindowSize(CONNECTION_WINDOW_BYTES)
    })
    session.once('goaway', () => tunnel.retire())
    session.once('close', () => {
      tunnel.#retired = true
      events.onClosing(tunnel)
    })
    // The streams get the error too, and 'close' follows.
    session.on('error', () => {})
    keepAlive(session, () => endSession(session, socket, new Error('no answer to PING')))
    return tunnel
  }

  get usable(): boolean {
    return !this.#retired && !this.#session.closed && !this.#session.destroyed
  }

  get active(): number {
    return this.#active
  }

  reserve(): void {
    this.#active += 1
  }

  /** Resolves with the stream after the peer's 200. Any other status is final: no second try. */
  open(request: ConnectRequest, signal?: AbortSignal): Promise<ClientHttp2Stream> {
    if (this.#session.closed || this.#session.destroyed) {
      this.#release()
      return Promise.reject(new StreamUnprocessed('the tunnel closed'))
    }
    const stream = this.#session.request(connectHeaders(request), { endStream: false })
    stream.once('close', () => this.#release())
    const waits = (): boolean =>
      this.#active > (this.#session.remoteSettings?.maxConcurrentStreams ?? POOL_MAX_STREAMS)
    return new Promise((resolve, reject) => {
      let timer = setTimeout(onSilence, ANSWER_TIMEOUT_MS)
      const settle = (): void => {
        clearTimeout(timer)
        stream.off('response', onResponse).off('error', onError).off('close', onClose)
        signal?.removeEventListener('abort', onAbort)
      }
      const fail = (error: unknown): void => {
        settle()
        stream.on('error', () => {}).close(constants.NGHTTP2_CANCEL)
        reject(error)
      }
      const onResponse = (headers: { readonly ':status'?: number | undefined }): void => {
        const status = headers[':status']
        if (status !== 200) {
          fail(new ProxyError('TUNNEL_REFUSED', `http status: ${status}`))
          return
        }
        settle()
        resolve(stream)
      }
      const onError = (error: Error): void => {
        fail(
          stream.rstCode === constants.NGHTTP2_REFUSED_STREAM
            ? new StreamUnprocessed('stream refused')
            : new ProxyError('TUNNEL_REFUSED', `tunnel failed: ${errorMessage(error)}`, {
                cause: error,
              }),
        )
      }
      const onClose = (): void => onError(new Error('tunnel closed before its answer'))
      const onAbort = (): void => fail(signal?.reason)
      function onSilence(): void {
        // Beyond the peer's limit of streams the request has not been sent yet.
        if (waits()) timer = setTimeout(onSilence, ANSWER_TIMEOUT_MS)
        else fail(new ProxyError('TUNNEL_REFUSED', 'no answer to CONNECT in time'))
      }
      stream.on('response', onResponse).on('error', onError).on('close', onClose)
      if (signal?.aborted) onAbort()
      else signal?.addEventListener('abort', onAbort)
    })
  }

  /** No new streams; closes once the running ones have ended. */
  retire(): void {
    this.#retired = true
    if (this.#active === 0) this.#close()
  }

  destroy(): void {
    endSession(this.#session, this.#socket)
  }

  #release(): void {
    this.#active -= 1
    if (this.#active > 0) return
    if (this.#retired) this.#close()
    else this.#events.onIdle(this)
  }

  #close(): void {
    this.#events.onClosing(this)
    closeIdleSession(this.#session, this.#socket)
  }
}

function connectHeaders(request: ConnectRequest): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { ':method': 'CONNECT', ':authority': request.authority }
  if (request.baggage) headers.baggage = request.baggage
  if (request.forwarded) headers.forwarded = request.forwarded
  if (request.traceparent) headers.traceparent = request.traceparent
  return headers
}
