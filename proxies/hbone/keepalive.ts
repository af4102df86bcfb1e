import type { Http2Session } from 'node:http2'

/** istio/ztunnel src/proxy/h2.rs: a PING 10 s after the last pong, 20 s to answer it. */
const PING_INTERVAL_MS = 10_000
const PING_TIMEOUT_MS = 20_000

/** TCP alone notices a vanished peer after minutes; a tunnel carries too many connections for that. */
export function keepAlive(
  session: Http2Session,
  onDead: () => void,
  { intervalMs = PING_INTERVAL_MS, timeoutMs = PING_TIMEOUT_MS } = {},
): void {
  let timer: NodeJS.Timeout
  const schedule = (): void => {
    timer = setTimeout(ping, intervalMs).unref()
  }
  const ping = (): void => {
    // Between the end of a session and its 'close' a ping throws.
    if (session.destroyed) return
    timer = setTimeout(onDead, timeoutMs).unref()
    // An error only says that none was sent: still connecting, or closing with streams left.
    session.ping(() => {
      clearTimeout(timer)
      if (!session.destroyed) schedule()
    })
  }
  session.once('close', () => clearTimeout(timer))
  schedule()
}
