import type { Duplex } from 'node:stream'
import { type Side, splice } from '../copy.ts'
import { errorCode, errorMessage } from '../errors.ts'
import { destroySide } from '../hbone/end-stream.ts'
import { log } from '../telemetry/log.ts'
import type { EnvoyFlag, TcpSeries } from '../telemetry/tcp-metrics.ts'

/**
 * Connects and copies; the client is closed when there is nothing to connect it to. `onEnd` is called
 * once, when nothing of it is left.
 */
export function relayTcp(
  client: Side,
  connect: () => Promise<Duplex>,
  series: TcpSeries,
  onEnd: () => void = () => {},
): void {
  client.on('error', () => {})
  series.opened()
  connect().then(
    (server) => {
      splice(client, server as Side, {
        received: series.received,
        sent: series.sent,
        onEnd: () => {
          series.closed('-')
          onEnd()
        },
      })
    },
    (error: unknown) => {
      series.closed(flagOf(error))
      onEnd()
      log('debug', 'tcp', `connection failed: ${errorMessage(error)}`)
      destroySide(client)
    },
  )
}

/** Envoy's flags, which sidecars and waypoints use at L4 as well. */
function flagOf(error: unknown): EnvoyFlag {
  const code = errorCode(error)
  if (code === 'POOL_OVERFLOW') return 'UO'
  return code === 'NO_UPSTREAM' ? 'UH' : 'UF'
}
