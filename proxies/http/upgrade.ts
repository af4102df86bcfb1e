import { type Side, splice } from '../copy.ts'
import { Counter } from '../telemetry/registry.ts'
import type { ClientConnection } from './client-connection.ts'
import type { ServerConnection } from './server-connection.ts'

export interface TunnelBytes {
  readonly received: number
  readonly sent: number
}

/** After `101` or a successful CONNECT both connections are plain byte streams for each other. */
export function joinUpgraded(
  downstream: ServerConnection,
  upstream: ClientConnection,
  onEnd: (bytes: TunnelBytes) => void,
): void {
  const fromClient = downstream.takeOver()
  const fromServer = upstream.takeOver()
  const received = new Counter()
  const sent = new Counter()
  if (fromServer !== undefined) {
    sent.add(fromServer.length)
    downstream.socket.write(fromServer)
  }
  if (fromClient !== undefined) {
    received.add(fromClient.length)
    upstream.socket.write(fromClient)
  }
  // Every transport we use is a socket or an HTTP/2 stream.
  splice(downstream.socket as Side, upstream.socket as Side, {
    received,
    sent,
    onEnd: () => onEnd({ received: received.value, sent: sent.value }),
  })
  downstream.socket.resume()
  upstream.socket.resume()
}
