import type { AppProtocol, Workload } from '../config/mesh-state.ts'
import { type PortFacts, portFacts } from '../config/port-protocol.ts'
import type { Peers } from '../telemetry/istio-labels.ts'
import type { RequestSeries } from '../telemetry/request-metrics.ts'
import type { TcpSeries } from '../telemetry/tcp-metrics.ts'
import type { PodView, SidecarContext } from './context.ts'
import { ipOfNodeId } from './peer-metadata.ts'

/** Who calls one container port, for the metrics of the called side. */
export class InboundTelemetry {
  readonly #context: SidecarContext
  readonly #port: number
  #view: PodView
  #facts: PortFacts | undefined
  readonly #series = new Map<string, RequestSeries>()

  constructor(context: SidecarContext, port: number) {
    this.#context = context
    this.#port = port
    this.#view = context.view()
    this.#facts = this.#resolve()
  }

  /** Of the container port, as the services say that lead to it. */
  protocol(): AppProtocol {
    this.#refresh()
    return this.#facts?.protocol ?? 'tcp'
  }

  /** `peer` is proven; the node id is only the client's word and names it for people. */
  requests(
    nodeId: string | undefined,
    sourceIp: string | undefined,
    peer: string | undefined,
  ): RequestSeries {
    this.#refresh()
    // Only ids of pods we know make a series: a client must not be able to grow our memory.
    const named = nodeId === undefined ? undefined : this.#workload(ipOfNodeId(nodeId))
    const source = named ?? this.#workload(sourceIp)
    const key = `${source?.uid}|${peer}`
    let series = this.#series.get(key)
    if (series === undefined) {
      series = this.#context.requests.between('destination', this.#peers(source, peer), {
        protocol: 'http',
        security: peer === undefined ? 'none' : 'mutual_tls',
      })
      this.#series.set(key, series)
    }
    return series
  }

  connection(sourceIp: string | undefined, peer: string | undefined): TcpSeries {
    this.#refresh()
    const peers = this.#peers(this.#workload(sourceIp), peer)
    return this.#context.connections.connection('destination', peers, peer !== undefined)
  }

  #workload(ip: string | undefined): Workload | undefined {
    return ip === undefined ? undefined : this.#view.index.workloadByIp(ip)
  }

  #peers(source: Workload | undefined, peer: string | undefined): Peers {
    const { workload, local } = this.#view
    return {
      source,
      sourceIdentity: peer,
      destination: workload,
      destinationIdentity: peer === undefined ? undefined : local.identity,
      service: this.#facts?.service,
    }
  }

  #refresh(): void {
    const view = this.#context.view()
    if (view === this.#view) return
    this.#view = view
    this.#series.clear()
    this.#facts = this.#resolve()
  }

  #resolve(): PortFacts | undefined {
    const { index, workload } = this.#view
    return portFacts(index, workload, this.#port)
  }
}
