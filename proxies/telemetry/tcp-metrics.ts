import type { ResponseFlag } from '../errors.ts'
import { type Peers, peerLabels, type Reporter } from './istio-labels.ts'
import type { Counter, CounterFamily, Labels, Registry } from './registry.ts'

/** Overflow of a circuit breaker, no healthy endpoint, failed connection. */
export type EnvoyFlag = 'UO' | 'UH' | 'UF'

/** Resolved once per connection; the copy loop adds to the two byte counters. */
export interface TcpSeries {
  /** Client to server, whichever side reports. */
  readonly received: Counter
  /** Server to client. */
  readonly sent: Counter
  opened(): void
  /** `failed` counts in addition to `closed`, as in ztunnel. */
  closed(flag: ResponseFlag | EnvoyFlag): void
}

/** Istio's TCP metrics (istio/ztunnel src/proxy/metrics.rs). */
export class TcpMetrics {
  readonly #opened: CounterFamily
  readonly #closed: CounterFamily
  readonly #failed: CounterFamily
  readonly #sent: CounterFamily
  readonly #received: CounterFamily
  readonly #sockets: CounterFamily
  #cache = new Map<string, TcpSeries>()

  constructor(registry: Registry) {
    this.#opened = registry.counter(
      'istio_tcp_connections_opened_total',
      'Connections whose route was decided.',
    )
    this.#closed = registry.counter('istio_tcp_connections_closed_total', 'Connections closed.')
    this.#failed = registry.counter(
      'istio_tcp_connections_failed_total',
      'Connections closed by a failure.',
    )
    this.#received = registry.counter(
      'istio_tcp_received_bytes_total',
      'Bytes from client to server.',
    )
    this.#sent = registry.counter('istio_tcp_sent_bytes_total', 'Bytes from server to client.')
    this.#sockets = registry.gauge('istio_tcp_sockets_open', 'Application sockets open now.')
  }

  sockets(reporter: Reporter): Counter {
    return this.#sockets.with({ reporter })
  }

  /** Call when a new snapshot arrives: workloads may have got other names. Series live on. */
  forgetPeers(): void {
    this.#cache = new Map()
  }

  /** `mutualTls`: whether this hop of the connection is authenticated on both sides. */
  connection(reporter: Reporter, peers: Peers, mutualTls: boolean): TcpSeries {
    const key = [
      reporter,
      peers.source?.uid,
      peers.sourceIdentity,
      peers.destination?.uid,
      peers.destinationIdentity,
      peers.service?.hostname,
      mutualTls,
    ].join('|')
    let series = this.#cache.get(key)
    if (!series) {
      series = this.#resolve({
        ...peerLabels(reporter, peers),
        request_protocol: 'tcp',
        response_flags: '-',
        connection_security_policy: mutualTls ? 'mutual_tls' : 'unknown',
      })
      this.#cache.set(key, series)
    }
    return series
  }

  #resolve(labels: Labels): TcpSeries {
    const opened = this.#opened.with(labels)
    const closed = this.#closed
    const failed = this.#failed
    const closedCleanly = closed.with(labels)
    return {
      received: this.#received.with(labels),
      sent: this.#sent.with(labels),
      opened: () => opened.add(1),
      closed: (flag) => {
        if (flag === '-') {
          closedCleanly.add(1)
          return
        }
        const flagged = { ...labels, response_flags: flag }
        closed.with(flagged).add(1)
        failed.with(flagged).add(1)
      },
    }
  }
}
