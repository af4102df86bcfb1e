import type { Http2Session } from 'node:http2'
import type { Duplex } from 'node:stream'

/** For a last GOAWAY to arrive before a reset could overtake it. */
const LINGER_MS = 1_000

/**
 * Ends a session now. node alone would wait, for as long as it takes, until the peer has read what is
 * unsent: one that never does keeps the descriptor.
 */
export function endSession(session: Http2Session, socket: Duplex, error?: Error): void {
  if (!session.destroyed) session.destroy(error)
  lingerThenDestroy(socket)
}

/**
 * Ends a session without streams. node would wait for the peer to close too; what is still unsent it
 * may send, as long as keep-alive (keepalive.ts) lets it.
 */
export function closeIdleSession(
  session: Http2Session,
  socket: Duplex,
  close = (): void => session.close(),
): void {
  if (!session.destroyed) close()
  if (socket.writableFinished) lingerThenDestroy(socket)
  else socket.once('finish', () => lingerThenDestroy(socket))
}

function lingerThenDestroy(socket: Duplex): void {
  if (socket.destroyed) return
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref()
  socket.once('close', () => clearTimeout(timer))
}
