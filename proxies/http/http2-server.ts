import { constants, performServerHandshake, type ServerHttp2Session } from 'node:http2'
import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { endSession } from '../hbone/end-session.ts'
import { resetStream } from '../hbone/end-stream.ts'
import { keepAlive } from '../hbone/keepalive.ts'
import { serveStreams } from '../hbone/server-streams.ts'
import { carrierOf } from '../hbone/stream-carrier.ts'
import { MalformedMessage } from './errors.ts'
import { Exchange } from './exchange.ts'
import type { RequestHead } from './head.ts'
import { Http2Downstream } from './http2-downstream.ts'
import { requestHead } from './http2-fields.ts'
import { SESSION_WINDOW_BYTES, serverSettings } from './http2-settings.ts'
import type { HttpRules } from './rules.ts'
import type { Served, ServeOptions } from './serve.ts'

/** Anybody may speak HTTP/2 to a PERMISSIVE sidecar, and break it right away. */
const FIRST_PING_MS = 1_000

/**
 * Proxies HTTP/2 from this byte stream; what was read of it is put back first. The codec is node's:
 * it is the requests that are balanced, not the bytes that are fast (docs/performance.md).
 */
export function serveHttp2(client: Duplex, rules: HttpRules, options: ServeOptions): Served {
  const socket = carrierOf(client)
  // Streams have their own ends; a connection whose client has gone is over at once.
  socket.allowHalfOpen = false
  const session = performServerHandshake(socket, serverSettings(options.limits))
  session.on('error', () => {})
  // The session has taken what was put back by then; a paused socket would never see its end.
  setImmediate(() => socket.resume())
  keepAlive(session, () => endSession(session, socket), { firstMs: FIRST_PING_MS })
  session.once('connect', () => {
    if (!session.destroyed) session.setLocalWindowSize(SESSION_WINDOW_BYTES)
  })
  const streams = serveStreams(session, socket, (stream, _headers, flags, raw) => {
    const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
    let head: RequestHead
    try {
      head = requestHead(raw, endStream, options.limits)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      options.onMalformed?.(error)
      stream.respond({ ':status': error.status }, { endStream: true })
      resetStream(stream, constants.NGHTTP2_NO_ERROR)
      return
    }
    const downstream = new Http2Downstream(stream, head)
    downstream.run(new Exchange(downstream, head, rules, options.limits))
  })
  expireIdle(session, options)
  return {
    drain: streams.close,
    cut: () => endSession(session, socket),
  }
}

/** A connection without a request is closed in the end, as in HTTP/1.1. */
function expireIdle(session: ServerHttp2Session, { sweeper, limits }: ServeOptions): void {
  let streams = 0
  const watched = {
    deadlineMs: performance.now() + limits.headTimeoutMs,
    expire: () => session.close(),
  }
  sweeper.add(watched)
  session.on('stream', (stream) => {
    streams += 1
    watched.deadlineMs = Number.POSITIVE_INFINITY
    stream.once('close', () => {
      streams -= 1
      if (streams === 0) watched.deadlineMs = performance.now() + limits.idleTimeoutMs
    })
  })
  session.once('close', () => sweeper.delete(watched))
}
