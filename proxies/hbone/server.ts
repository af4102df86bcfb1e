import {
  constants,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Stream,
} from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { errorMessage } from '../errors.ts'
import { endSession } from './end-session.ts'
import { keepAlive } from './keepalive.ts'
import { serveStreams } from './server-streams.ts'
import { CONNECTION_WINDOW_BYTES, SERVER_MAX_STREAMS, serverSessionOptions } from './settings.ts'

/** A CONNECT waiting for its answer. Exactly one of `accept` and `refuse` has an effect. */
export interface ConnectOffer {
  readonly authority: string
  readonly baggage: string | undefined
  readonly forwarded: string | undefined
  readonly traceparent: string | undefined
  /** Listen for its `close` while deciding: the client may give up. */
  readonly stream: ServerHttp2Stream
  /** Sends 200 with the destination's baggage; bytes flow from here on. */
  accept(baggage?: string): ServerHttp2Stream
  /** Sends the bare status and ends the stream. */
  refuse(status: number): void
}

export interface TunnelServerOptions {
  /** @default 200 */
  readonly maxConcurrentStreams?: number
  readonly onConnect: (offer: ConnectOffer) => void
  /** A request that is no CONNECT was answered with 400. */
  readonly onInvalid?: (reason: string) => void
  /** The connection broke; its streams fail by themselves. */
  readonly onError?: (message: string) => void
}

export interface TunnelServer {
  /** GOAWAY: streams that run may finish, new ones go to another connection. */
  drain(): void
  cut(): void
}

/**
 * Two GOAWAYs, as RFC 9113 section 6.8 advises: the first says "no more", and streams that crossed it
 * are served; the second is final. Only one would break what is under way to a tunnel just made.
 */
const MAX_STREAM_ID = 2 ** 31 - 1
const DRAIN_NOTICE_MS = 1_000

/** Serves HBONE on a verified mutual TLS socket and owns it from now on. */
export function serveTunnel(socket: TLSSocket, options: TunnelServerOptions): TunnelServer {
  // Streams have their own ends; a tunnel whose peer has gone is over at once.
  socket.allowHalfOpen = false
  const session = performServerHandshake(
    socket,
    serverSessionOptions(options.maxConcurrentStreams ?? SERVER_MAX_STREAMS),
  )
  session.once('connect', () => {
    if (!session.destroyed) session.setLocalWindowSize(CONNECTION_WINDOW_BYTES)
  })
  session.on('error', (error) => options.onError?.(errorMessage(error)))
  const streams = serveStreams(session, socket, (stream, headers) => {
    const method = headers[':method']
    if (method !== 'CONNECT') {
      answer(stream, 400)
      options.onInvalid?.(`expected method CONNECT, got ${method}`)
      return
    }
    options.onConnect(offerOf(stream, headers))
  })
  let draining = false
  keepAlive(session, () => {
    if (!session.destroyed) session.goaway(constants.NGHTTP2_NO_ERROR)
    endSession(session, socket)
  })
  return {
    drain: () => {
      if (draining || session.destroyed) return
      draining = true
      session.goaway(constants.NGHTTP2_NO_ERROR, MAX_STREAM_ID)
      setTimeout(() => {
        streams.close()
      }, DRAIN_NOTICE_MS).unref()
    },
    cut: () => endSession(session, socket),
  }
}

function offerOf(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): ConnectOffer {
  return {
    authority: headers[':authority'] ?? '',
    baggage: single(headers.baggage),
    forwarded: single(headers.forwarded),
    traceparent: single(headers.traceparent),
    stream,
    accept: (baggage) => {
      if (canAnswer(stream)) {
        stream.respond(baggage ? { ':status': 200, baggage } : { ':status': 200 }, WITHOUT_DATE)
      }
      return stream
    },
    refuse: (status) => answer(stream, status),
  }
}

/** node adds a date header unless told otherwise, by an option its types lack. */
const WITHOUT_DATE = { endStream: false, sendDate: false }
const STATUS_ONLY = { endStream: true, sendDate: false }

function answer(stream: ServerHttp2Stream, status: number): void {
  if (!canAnswer(stream)) return
  stream.respond({ ':status': status }, STATUS_ONLY)
  // The client may still send; nobody will read it.
  stream.resume()
}

function canAnswer(stream: ServerHttp2Stream): boolean {
  return !stream.destroyed && !stream.closed && !stream.headersSent
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value
}
