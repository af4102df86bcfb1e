import type { Socket } from 'node:net'
import type { AppProtocol } from '../config/mesh-state.ts'
import type { Side } from '../copy.ts'
import { dialTcp } from '../dial.ts'
import { ProxyError } from '../errors.ts'
import { destroySide } from '../hbone/end-stream.ts'
import type { Cluster } from '../http/cluster.ts'
import { LoggedConnection } from '../http/connection-entry.ts'
import { Http2Pool } from '../http/http2-pool.ts'
import { logged } from '../http/logged.ts'
import { Pool } from '../http/pool.ts'
import { relayTcp } from '../http/relay-tcp.ts'
import type { ArrivalFacts } from '../http/request-entry.ts'
import { type Served, serveHttp } from '../http/serve.ts'
import type { PolicyInput } from '../policy/rbac.ts'
import { logLimited } from '../telemetry/log.ts'
import type { SidecarContext } from './context.ts'
import { HeldConnections } from './held-connections.ts'
import { inboundRules } from './inbound-rules.ts'
import { InboundTelemetry } from './inbound-telemetry.ts'

/**
 * Where Envoy binds connections to the application, so that they are told from the pod's own
 * (istio/istio pilot/pkg/networking/util: InboundPassthroughBindIpv4).
 */
const INBOUND_SOURCE = '127.0.0.6'

/** Whom a connection to our application is from. */
export interface Caller {
  readonly ip: string | undefined
  /** `ip:port`. */
  readonly address: string | undefined
  /** Proven by mutual TLS; undefined for plaintext. */
  readonly identity: string | undefined
  /** `By=...;URI=...`, undefined for plaintext. */
  readonly clientCert: string | undefined
}

/** One container port of our application and all that leads to it, by whatever way it came in. */
export class ApplicationPort {
  readonly port: number
  readonly #context: SidecarContext
  readonly #telemetry: InboundTelemetry
  readonly #cluster: Cluster
  readonly #held: HeldConnections

  constructor(context: SidecarContext, port: number) {
    this.port = port
    this.#context = context
    this.#telemetry = new InboundTelemetry(context, port)
    this.#held = new HeldConnections(context.drainMs)
    const { limits, sweeper } = context
    const pool = { limits, sweeper, dial: this.#dial }
    const app = { address: `app:${port}`, pool: new Pool(pool), http2: new Http2Pool(pool) }
    this.#cluster = {
      name: `inbound|${port}||`,
      upstreams: [{ ...app, active: 0, series: undefined }],
    }
  }

  get isStrict(): boolean {
    const { mtlsMode, portMtlsModes } = this.#context.view().local
    return (portMtlsModes?.[String(this.port)] ?? mtlsMode) === 'STRICT'
  }

  /** After a new snapshot: whose connection would not be let in any more has to leave. */
  enforce(): void {
    this.#held.enforce()
  }

  /** As the services say that lead to it. */
  protocol(): AppProtocol {
    return this.#telemetry.protocol()
  }

  /** Request by request, and to be drained as such; or, when nothing calls it HTTP, as bytes. */
  serve(client: Side, caller: Caller): Served | undefined {
    if (this.protocol() === 'tcp') {
      this.relay(client, caller)
      return undefined
    }
    const { view } = this.#context
    const rules = inboundRules({
      cluster: this.#cluster,
      metadata: view().metadata,
      clientCert: caller.clientCert,
      gate: () => view().gate,
      connection: this.#facts(caller),
      series: (nodeId) => this.#telemetry.requests(nodeId, caller.ip, caller.identity),
    })
    const arrival = (): ArrivalFacts => {
      const own = this.#address()
      return { downstreamLocal: own, downstreamRemote: caller.address, upstreamHost: own }
    }
    const { accessLog } = this.#context
    const rulesWithLog = logged(rules, accessLog, 'inbound', arrival)
    const served = serveHttp(client, rulesWithLog, this.#context)
    // Requests are judged one by one, so that only mutual TLS is a matter of the connection.
    if (caller.identity === undefined) this.#held.hold(client, served, () => this.isStrict)
    return served
  }

  relay(client: Side, caller: Caller): void {
    if (!this.admits(caller)) {
      client.destroy()
      return
    }
    const series = this.#telemetry.connection(caller.ip, caller.identity)
    const log = this.#logOf(caller)
    relayTcp(client, log?.dial(this.#dial) ?? this.#dial, log?.series(series) ?? series)
    const served = { drain: () => {}, cut: () => destroySide(client) }
    this.#held.hold(client, served, () => !this.#stillAdmits(caller))
  }

  #stillAdmits(caller: Caller): boolean {
    if (caller.identity === undefined && this.isStrict) return false
    return this.#denial(caller) === undefined
  }

  #denial(caller: Caller): string | undefined {
    return this.#context.view().gate?.connectionDenial(this.#facts(caller))
  }

  /** What policy says of the connection as such. */
  admits(caller: Caller): boolean {
    const denied = this.#denial(caller)
    if (denied === undefined) return true
    const { port } = this
    logLimited('info', 'inbound', 'connection refused by policy', { port, source: caller.ip })
    this.#logOf(caller)?.denied(denied)
    return false
  }

  /** Undefined while the log is off. */
  #logOf({ address }: Caller): LoggedConnection | undefined {
    const { accessLog } = this.#context
    if (!accessLog.inbound) return undefined
    const own = this.#address()
    return new LoggedConnection(accessLog, {
      upstreamCluster: this.#cluster.name,
      upstreamHost: own,
      downstreamLocal: own,
      downstreamRemote: address,
    })
  }

  #address(): string {
    return `${this.#context.view().workload.workloadIps[0]}:${this.port}`
  }

  #facts({ ip = '', identity }: Caller): PolicyInput {
    return {
      sourceIp: ip,
      sourceIdentity: identity,
      destinationIp: this.#context.view().workload.workloadIps[0] ?? '',
      destinationPort: this.port,
    }
  }

  readonly #dial = (signal?: AbortSignal): Promise<Socket> => {
    const { view, limits } = this.#context
    const address = view().local.appPorts[String(this.port)]
    if (address === undefined) {
      const message = `the application does not listen on container port ${this.port}`
      return Promise.reject(new ProxyError('CONNECT_FAILED', message))
    }
    const localAddress = view().source && sourceFor(address.host)
    return dialTcp(address, {
      timeoutMs: limits.connectTimeoutMs,
      ...(localAddress ? { localAddress } : {}),
      ...(signal ? { signal } : {}),
    })
  }
}

/** Only where all of 127.0.0.0/8 is local without configuration, and the application in it. */
function sourceFor(host: string): string | undefined {
  return process.platform === 'linux' && host.startsWith('127.') ? INBOUND_SOURCE : undefined
}
