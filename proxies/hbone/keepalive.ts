import type { Http2Session } from 'node:http2'

/** istio/ztunnel src/proxy/h2.rs: a PING 10 s after the last pong, 20 s to answer it. */
const PING_INTERVAL_MS = 10_000
const PING_TIMEOUT_MS = 20_000
/** A frame that can be sent leaves in the same turn of the event loop. */
const SEND_TIME_MS = 1_000
/** The least that any socket takes although its peer reads nothing (Linux: tcp_wmem). */
const SOCKET_TAKES_BYTES = 4_096

type Probe = (session: Http2Session, answered: (error: Error | null) => void) => void

export interface KeepAliveOptions {
  readonly intervalMs?: number
  /** Before the first probe. @default intervalMs */
  readonly firstMs?: number
  /** How long an answer may take. */
  readonly timeoutMs?: number
  /** Sends something that the peer answers. */
  readonly probe?: Probe
}

/** TCP alone notices a vanished peer after minutes; a tunnel carries too many connections for that. */
export const ping: Probe = (session, answered) => {
  session.ping(answered)
}

/**
 * For servers that take PING from a client amiss, as gRPC's do more often than every 5 min
 * (https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md).
 */
export const settings: Probe = (session, answered) => {
  session.settings({}, answered)
}

/**
 * Calls `onDead`, perhaps repeatedly until the session has closed, when
 * - the peer does not answer;
 * - the session cannot even send. After a breach of protocol by the peer nghttp2 says GOAWAY, neither
 *   reads nor writes any more, and node tells nobody: descriptor and streams would stay for good;
 * - it has ended and its socket is still open.
 */
export function keepAlive(
  session: Http2Session,
  onDead: () => void,
  {
    intervalMs = PING_INTERVAL_MS,
    firstMs = intervalMs,
    timeoutMs = PING_TIMEOUT_MS,
    probe = ping,
  }: KeepAliveOptions = {},
): void {
  let timer: NodeJS.Timeout
  let readBytes = 0
  const schedule = (delayMs: number): void => {
    timer = setTimeout(look, delayMs).unref()
  }
  const look = (): void => {
    if (session.destroyed) {
      onDead()
      return
    }
    const { bytesWritten } = session.socket
    // What the peer has not read for sure could not fill a socket: nothing keeps a frame from leaving.
    const mustLeave = bytesWritten - readBytes < SOCKET_TAKES_BYTES
    const unsent = (): boolean => !session.destroyed && session.socket.bytesWritten === bytesWritten
    timer = setTimeout(() => {
      if (mustLeave && unsent()) onDead()
      else timer = setTimeout(onDead, timeoutMs - sendMs).unref()
    }, sendMs).unref()
    // node sends no PING once a session takes no new streams.
    const send = session.closed ? settings : probe
    send(session, (error) => {
      clearTimeout(timer)
      // An error only says that none was sent: still connecting.
      if (error === null) readBytes = bytesWritten
      schedule(intervalMs)
    })
  }
  const sendMs = Math.min(SEND_TIME_MS, timeoutMs)
  session.once('close', () => clearTimeout(timer))
  schedule(firstMs)
}
