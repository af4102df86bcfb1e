import { type Side, splice } from '../copy.ts'
import { Counter } from '../telemetry/registry.ts'
import type { Downstream, UpstreamConnection } from './codec.ts'

export interface TunnelBytes {
  readonly received: number
  readonly sent: number
}

/**
 * After `101` or a successful CONNECT both connections are plain byte streams for each other. The
 * client gets these lines first. False where one of them has no byte stream of its own.
 */
export function joinStreams(
  downstream: Downstream,
  upstream: UpstreamConnection | undefined,
  lines: string,
  onEnd: (bytes: TunnelBytes) => void,
): boolean {
  const server = upstream?.takeOver()
  const client = server && downstream.takeOver(`${lines}\r\n`)
  if (!server || !client) return false
  const received = new Counter()
  const sent = new Counter()
  if (server.rest !== undefined) {
    sent.add(server.rest.length)
    client.socket.write(server.rest)
  }
  if (client.rest !== undefined) {
    received.add(client.rest.length)
    server.socket.write(client.rest)
  }
  // Every transport we use is a socket or an HTTP/2 stream.
  splice(client.socket as Side, server.socket as Side, {
    received,
    sent,
    onEnd: () => onEnd({ received: received.value, sent: sent.value }),
  })
  client.socket.resume()
  server.socket.resume()
  return true
}
