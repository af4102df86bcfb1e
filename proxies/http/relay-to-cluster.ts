import type { Duplex } from 'node:stream'
import type { TrafficPolicy } from '../config/l7.ts'
import type { Endpoint } from '../config/mesh-index.ts'
import type { Side } from '../copy.ts'
import { ProxyError } from '../errors.ts'
import type { TcpSeries } from '../telemetry/tcp-metrics.ts'
import { type Cluster, choose } from './cluster.ts'
import type { LoggedConnection } from './connection-entry.ts'
import { relayTcp } from './relay-tcp.ts'

export interface RelayToClusterOptions {
  readonly cluster: Cluster
  readonly series: (endpoint: Endpoint | undefined) => TcpSeries
  readonly dial: (endpoint: Endpoint, traffic: TrafficPolicy | undefined) => Promise<Duplex>
  /** Undefined while connections are not logged. */
  readonly log: (upstreamHost: string | undefined) => LoggedConnection | undefined
}

/**
 * A connection to one endpoint of a cluster whose bytes are not looked at, as Envoy's TCP proxy makes it:
 * - It counts as a connection of the cluster and as a request of its endpoint until it ends.
 * - Beyond `maxConnections` it is closed; there is no queue, and no endpoint is let one all the same.
 * - One try. A failed one counts as 503 in outlier detection, a made one as 200.
 */
export function relayToCluster(
  client: Side,
  { cluster, series, dial, log }: RelayToClusterOptions,
): void {
  const { name, upstreams, outliers, balance, breaker, traffic } = cluster
  const full = breaker?.mayConnect() === false
  const usable = outliers ? upstreams.filter((one) => !outliers.isEjected(one)) : upstreams
  const chosen = full ? undefined : (balance ?? choose)(usable, [])
  const endpoint = chosen?.destination?.endpoint
  if (chosen === undefined || endpoint === undefined) {
    const error = full
      ? new ProxyError('POOL_OVERFLOW', `too many connections to ${name}`)
      : new ProxyError('NO_UPSTREAM', `no healthy upstream for ${name}`)
    relayLogged(client, () => Promise.reject(error), series(undefined), log(undefined))
    return
  }
  const connect = async (): Promise<Duplex> => {
    try {
      const server = await dial(endpoint, traffic)
      outliers?.answered(chosen, 200, upstreams.length)
      return server
    } catch (error) {
      outliers?.answered(chosen, 503, upstreams.length)
      throw error
    }
  }
  if (breaker) breaker.connections += 1
  chosen.active += 1
  relayLogged(client, connect, series(endpoint), log(chosen.address), () => {
    if (breaker) breaker.connections -= 1
    chosen.active -= 1
  })
}

function relayLogged(
  client: Side,
  connect: () => Promise<Duplex>,
  series: TcpSeries,
  log: LoggedConnection | undefined,
  onEnd?: () => void,
): void {
  relayTcp(client, log?.dial(connect) ?? connect, log?.series(series) ?? series, onEnd)
}
