import { constants, performServerHandshake, type ServerHttp2Session } from 'node:http2'
import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { keepAlive } from '../hbone/keepalive.ts'
import { MalformedMessage } from './errors.ts'
import { Exchange } from './exchange.ts'
import type { RequestHead } from './head.ts'
import { Http2Downstream } from './http2-downstream.ts'
import { type RawFields, requestHead } from './http2-fields.ts'
import { SESSION_WINDOW_BYTES, serverSettings } from './http2-settings.ts'
import type { HttpRules } from './rules.ts'
import type { Served, ServeOptions } from './serve.ts'

/** For a last GOAWAY to arrive before a reset could overtake it. */
const LINGER_MS = 1_000

/**
 * Proxies HTTP/2 from this byte stream; what was read of it is put back first. The codec is node's:
 * it is the requests that are balanced, not the bytes that are fast (docs/performance.md).
 */
export function serveHttp2(socket: Duplex, rules: HttpRules, options: ServeOptions): Served {
  // Streams have their own ends; a connection whose client has gone is over at once.
  socket.allowHalfOpen = false
  const session = performServerHandshake(socket, serverSettings(options.limits))
  session.on('error', () => {})
  // The session has taken what was put back by then; a paused socket would never see its end.
  setImmediate(() => socket.resume())
  // The end of a client that leaves with requests open can go unnoticed; an unanswered PING does not.
  keepAlive(session, () => session.destroy())
  // node only ends the socket, and then waits for the other side.
  session.once('close', () => {
    socket.on('error', () => {}).resume()
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
  })
  session.once('connect', () => {
    if (!session.destroyed) session.setLocalWindowSize(SESSION_WINDOW_BYTES)
  })
  expireIdle(session, options)
  session.on('stream', (stream, _headers, flags, raw?: RawFields) => {
    stream.on('error', () => {})
    const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
    let head: RequestHead
    try {
      head = requestHead(raw ?? [], endStream, options.limits)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      options.onMalformed?.(error)
      stream.respond({ ':status': error.status }, { endStream: true })
      stream.close(constants.NGHTTP2_NO_ERROR)
      return
    }
    const downstream = new Http2Downstream(stream, head)
    downstream.run(new Exchange(downstream, head, rules, options.limits))
  })
  return {
    drain: () => {
      if (!session.closed && !session.destroyed) session.close()
    },
    cut: () => session.destroy(),
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
