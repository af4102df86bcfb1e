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
    timer = setTimeout(onDead, timeoutMs).unref()
    session.ping((error) => {
      clearTimeout(timer)
      if (!error && !session.destroyed) schedule()
    })
  }
  session.once('close', () => clearTimeout(timer))
  schedule()
}
