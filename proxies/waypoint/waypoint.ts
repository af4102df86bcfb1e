import { MeshIndex, sourceOf } from '../config/mesh-index.ts'
import type { Service } from '../config/mesh-state.ts'
import { ProxyError } from '../errors.ts'
import { HbonePool } from '../hbone/pool.ts'
import { type Dialler, dialEndpoint } from '../http/dial-endpoint.ts'
import { DEFAULT_LIMITS } from '../http/limits.ts'
import { PodClusters } from '../http/pod-clusters.ts'
import { ServiceClusters, speaksHttp } from '../http/service-clusters.ts'
import { Sweeper } from '../http/sweeper.ts'
import { CertificateStore } from '../identity/certificates.ts'
import type { ProxyProgram } from '../process/run.ts'
import { UnderWay } from '../process/under-way.ts'
import { AccessLog } from '../telemetry/access/access-log.ts'
import { Registry } from '../telemetry/registry.ts'
import { RequestMetrics } from '../telemetry/request-metrics.ts'
import { TcpMetrics } from '../telemetry/tcp-metrics.ts'
import { Bindings } from './bindings.ts'
import type { WaypointContext, WaypointView } from './context.ts'
import { Decisions } from './decisions.ts'
import { waypointInbound } from './inbound.ts'
import { WaypointTelemetry } from './waypoint-telemetry.ts'

/** The L7 proxy of ambient mode: ends one tunnel, decides about requests, begins another. */
export function createWaypoint(): ProxyProgram {
  const registry = new Registry()
  const telemetry = new WaypointTelemetry(new RequestMetrics(registry))
  const connections = new TcpMetrics(registry)
  const store = new CertificateStore()
  const tunnels = new HbonePool()
  const sweeper = new Sweeper()
  const limits = DEFAULT_LIMITS
  const underWay = new UnderWay()
  const accessLog = new AccessLog()
  let current: WaypointView | undefined

  const view = (): WaypointView => {
    if (current === undefined) throw new ProxyError('CONFIG_INVALID', 'no configuration yet')
    return current
  }
  const dialler: Dialler = {
    kind: 'waypoint',
    credential: () => store.get(view().local.identity),
    sourceIp: () => sourceOf(view().workload),
    tunnels,
    limits,
    underWay,
  }
  const clusters = new ServiceClusters({
    limits,
    sweeper,
    nameOf: inboundName,
    dial: (endpoint, alpn, signal, traffic) =>
      dialEndpoint(dialler, endpoint, alpn, signal, traffic),
  })
  const pods = new PodClusters({
    limits,
    sweeper,
    dial: (endpoint, alpn, signal) => dialEndpoint(dialler, endpoint, alpn, signal),
  })
  const bindings = new Bindings()
  const context: WaypointContext = {
    view,
    store,
    clusters,
    pods,
    bindings,
    dialler,
    telemetry,
    connections,
    sweeper,
    limits,
    accessLog,
  }

  return {
    registry,
    underWay,
    configure: (config) => {
      const index = new MeshIndex(config.state)
      const [local] = config.local
      const workload = local && index.workload(local.uid)
      if (!local || !workload) {
        throw new ProxyError(
          'CONFIG_INVALID',
          'a waypoint needs its own workload in local and state',
        )
      }
      store.replace(config.certificates)
      current = { index, local, workload, decisions: new Decisions(config.l7, index, clusters) }
      accessLog.configure(config.accessLog)
      connections.forgetPeers()
      telemetry.forgetPeers()
      clusters.update(index, config.l7?.destinations)
      pods.update(index)
      bindings.update(index, workload)
    },
    serve: (listener) => {
      if (listener.kind !== 'hbone') {
        throw new ProxyError('CONFIG_INVALID', 'a waypoint serves HBONE only')
      }
      return waypointInbound(context)
    },
    dump: () => ({ clusters: [...clusters.dump(), ...pods.dump()] }),
    close: () => {
      clusters.close()
      pods.close()
      tunnels.close()
      accessLog.flush()
    },
  }
}

/** As Envoy's waypoint has it (istio/istio pilot/pkg/networking/core/cluster_waypoint.go). */
function inboundName(service: Service, port: number, subset: string): string {
  const protocol = speaksHttp(service, port) ? 'http' : 'tcp'
  return `inbound-vip|${port}|${[protocol, subset].filter((part) => part !== '').join('/')}|${service.hostname}`
}
