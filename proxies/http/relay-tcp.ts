import type { Duplex } from 'node:stream'
import { type Side, splice } from '../copy.ts'
import { errorMessage, ProxyError } from '../errors.ts'
import { destroySide } from '../hbone/end-stream.ts'
import { log } from '../telemetry/log.ts'
import type { TcpSeries } from '../telemetry/tcp-metrics.ts'

/** Connects and copies; the client is closed when there is nothing to connect it to. */
export function relayTcp(client: Side, connect: () => Promise<Duplex>, series: TcpSeries): void {
  client.on('error', () => {})
  series.opened()
  connect().then(
    (server) => {
      splice(client, server as Side, {
        received: series.received,
        sent: series.sent,
        onEnd: () => series.closed('-'),
      })
    },
    (error: unknown) => {
      series.closed(error instanceof ProxyError ? error.flag : 'CONNECT')
      log('debug', 'tcp', `connection failed: ${errorMessage(error)}`)
      destroySide(client)
    },
  )
}
