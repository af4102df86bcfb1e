import {
  constants,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import { closeIdleSession } from './end-session.ts'
import { resetStream } from './end-stream.ts'

/** Enough for a GOAWAY to leave, which it does in the same turn of the event loop. */
const GOAWAY_TIME_MS = 100

export type OnStream = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: readonly string[],
) => void

/**
 * Serves the streams of a session until `close`: streams that run may finish, new ones are refused.
 *
 * In place of node's own `close`, which node calls too when the client says GOAWAY. Between that call
 * and the GOAWAY being sent node 20 resets every new stream inside nghttp2's callback (onSessionHeaders
 * in lib/internal/http2/core.js), see end-stream.ts: a client that sends GOAWAY and a request in one
 * packet makes it write to freed memory.
 */
export function serveStreams(
  session: ServerHttp2Session,
  socket: Duplex,
  onStream: OnStream,
): { close(): void } {
  let running = 0
  let closing = false
  const close = session.close.bind(session)
  const endWhenIdle = (): void => {
    if (closing && running === 0) {
      setTimeout(() => closeIdleSession(session, socket, close), GOAWAY_TIME_MS).unref()
    }
  }
  session.close = () => {
    if (closing || session.destroyed || socket.destroyed) return
    closing = true
    session.goaway(constants.NGHTTP2_NO_ERROR)
    endWhenIdle()
  }
  session.on('stream', (stream, headers, flags, rawHeaders?: readonly string[]) => {
    // Whoever takes the stream adds its own; without one a reset would end the process.
    stream.on('error', () => {})
    // The event comes a tick late: what followed the request in its packet may have ended the stream.
    if (stream.destroyed || stream.closed) return
    if (closing) {
      resetStream(stream, constants.NGHTTP2_REFUSED_STREAM)
      return
    }
    running += 1
    stream.once('close', () => {
      running -= 1
      endWhenIdle()
    })
    onStream(stream, headers, flags, rawHeaders ?? [])
  })
  return { close: () => session.close() }
}
