import type { Http2Connection } from './connection.ts'

/** istio/ztunnel src/proxy/h2.rs: a PING 10 s after the last pong, 20 s to answer it. */
const PING_INTERVAL_MS = 10_000
const PING_TIMEOUT_MS = 20_000

/** A peer that takes nothing is found as well: behind what it does not read a PING gets no answer. */
export function keepTunnelAlive(
  connection: Http2Connection,
  onDead: () => void,
  { intervalMs = PING_INTERVAL_MS, timeoutMs = PING_TIMEOUT_MS } = {},
): void {
  let timer: NodeJS.Timeout
  const schedule = (): void => {
    timer = setTimeout(ping, intervalMs).unref()
  }
  const ping = (): void => {
    timer = setTimeout(onDead, timeoutMs).unref()
    connection.ping(() => {
      clearTimeout(timer)
      schedule()
    })
  }
  connection.once('close', () => clearTimeout(timer))
  schedule()
}
