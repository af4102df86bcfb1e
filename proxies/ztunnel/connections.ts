import { performance } from 'node:perf_hooks'
import type { MeshIndex } from '../config/mesh-index.ts'
import type { Workload } from '../config/mesh-state.ts'
import type { LocalWorkload, SocketAddress } from '../config/process.ts'
import { errorCode, errorMessage, ProxyError, type ResponseFlag } from '../errors.ts'
import type { PolicyInput } from '../policy/rbac.ts'
import { authorize } from '../policy/scope.ts'
import type { Peers } from '../telemetry/istio-labels.ts'
import { logSettings } from '../telemetry/log.ts'
import type { Registry } from '../telemetry/registry.ts'
import { TcpMetrics, type TcpSeries } from '../telemetry/tcp-metrics.ts'
import { accessFields, logAccess, logFailed, logOpened } from './access-log.ts'

/** What is known of a connection once its route is decided. */
export interface ConnectionFacts {
  readonly direction: 'inbound' | 'outbound'
  readonly peers: Peers
  readonly sourceAddress: string
  readonly nextHop: SocketAddress
  readonly authority?: string
  readonly mutualTls: boolean
}

/** Byte counts of the application's side, which every kind of connection has. */
interface AppSocket {
  readonly bytesRead: number
  readonly bytesWritten: number
}

/** One counted connection. `end` is called exactly once. */
export interface Connection {
  readonly series: TcpSeries
  end(error: unknown, app?: AppSocket): void
}

/** A connection that policy may still end; judged on the workload record from accept time. */
export interface Guarded {
  readonly workload: Workload
  readonly input: PolicyInput
  readonly cut: (error: ProxyError) => void
}

/** All connections of a ztunnel: counted, logged, and inbound ones held to the current policies. */
export class Connections {
  readonly #metrics: TcpMetrics
  readonly #guarded = new Set<Guarded>()

  constructor(registry: Registry) {
    this.#metrics = new TcpMetrics(registry)
  }

  open(facts: ConnectionFacts): Connection {
    const reporter = facts.direction === 'outbound' ? 'source' : 'destination'
    const series = this.#metrics.connection(reporter, facts.peers, facts.mutualTls)
    const sockets = this.#metrics.sockets(reporter)
    const startedAt = performance.now()
    series.opened()
    sockets.value += 1
    logOpened(facts)
    return {
      series,
      end: (error, app) => {
        sockets.value -= 1
        const flag = flagOf(error)
        series.closed(flag)
        const text = error === undefined ? undefined : errorMessage(error)
        if (logSettings().access) {
          logAccess(facts, {
            bytesRead: app?.bytesRead ?? 0,
            bytesWritten: app?.bytesWritten ?? 0,
            durationMs: performance.now() - startedAt,
            error: text,
          })
        } else if (flag !== '-') {
          logFailed({ ...accessFields(facts), code: errorCode(error), error: text, flag })
        }
      },
    }
  }

  guard(connection: Guarded): () => void {
    this.#guarded.add(connection)
    return () => this.#guarded.delete(connection)
  }

  /** A new snapshot: names may have changed, and what it forbids is closed. */
  enforce(index: MeshIndex, local: (uid: string) => LocalWorkload | undefined): void {
    this.#metrics.forgetPeers()
    for (const connection of this.#guarded) {
      const { workload, input, cut } = connection
      const mode = local(workload.uid)?.mtlsMode ?? 'PERMISSIVE'
      if (authorize(index, workload, mode, input).allowed) continue
      this.#guarded.delete(connection)
      cut(new ProxyError('POLICY_DENIED', 'connection closed due to policy change'))
    }
  }
}

/** A connection cut by a drain or broken while copying is closed, but did not fail to be made. */
function flagOf(error: unknown): ResponseFlag {
  return error instanceof ProxyError ? error.flag : '-'
}
