import { MeshIndex, sourceOf } from '../config/mesh-index.ts'
import { ProxyError } from '../errors.ts'
import { HbonePool } from '../hbone/pool.ts'
import { type Dialler, dialEndpoint } from '../http/dial-endpoint.ts'
import { DEFAULT_LIMITS } from '../http/limits.ts'
import { PodClusters } from '../http/pod-clusters.ts'
import { ServiceClusters } from '../http/service-clusters.ts'
import { Sweeper } from '../http/sweeper.ts'
import { CertificateStore } from '../identity/certificates.ts'
import { requestGate } from '../policy/request-gate.ts'
import type { ProxyProgram } from '../process/run.ts'
import { UnderWay } from '../process/under-way.ts'
import { AccessLog } from '../telemetry/access/access-log.ts'
import { Registry } from '../telemetry/registry.ts'
import { RequestMetrics } from '../telemetry/request-metrics.ts'
import { TcpMetrics } from '../telemetry/tcp-metrics.ts'
import { createTokenVerifier } from '../waypoint/verify-token.ts'
import { ApplicationPort } from './application-port.ts'
import { localWorkload, type PodView, type SidecarContext } from './context.ts'
import { inbound } from './inbound.ts'
import { inboundTunnels } from './inbound-tunnels.ts'
import { outbound, outboundPeers } from './outbound.ts'
import { peerMetadataLines } from './peer-metadata.ts'

/** One application's proxy: everything it says to the mesh and everything the mesh says to it. */
export function createSidecar({ drainMs }: { readonly drainMs: number }): ProxyProgram {
  const registry = new Registry()
  const requests = new RequestMetrics(registry)
  const connections = new TcpMetrics(registry)
  const store = new CertificateStore()
  const tunnels = new HbonePool()
  const sweeper = new Sweeper()
  const limits = DEFAULT_LIMITS
  const underWay = new UnderWay()
  const accessLog = new AccessLog()
  let current: PodView | undefined

  const view = (): PodView => {
    if (current === undefined) throw new ProxyError('CONFIG_INVALID', 'no configuration yet')
    return current
  }
  const dialler: Dialler = {
    kind: 'sidecar',
    credential: () => store.get(view().local.identity),
    sourceIp: () => view().source,
    tunnels,
    limits,
    underWay,
  }
  const clusters = new ServiceClusters({
    limits,
    sweeper,
    dial: (endpoint, alpn, signal, traffic) =>
      dialEndpoint(dialler, endpoint, alpn, signal, traffic),
    series: (service, endpoint) =>
      requests.between('source', outboundPeers(view(), service, endpoint), {
        protocol: 'http',
        security: 'unknown',
      }),
  })
  const pods = new PodClusters({
    limits,
    sweeper,
    dial: (endpoint, alpn, signal) => dialEndpoint(dialler, endpoint, alpn, signal),
  })
  const context: SidecarContext = {
    view,
    store,
    clusters,
    pods,
    requests,
    connections,
    sweeper,
    limits,
    drainMs,
    accessLog,
  }
  const ports = new Map<number, ApplicationPort>()
  const portOf = (number: number): ApplicationPort => {
    const port = ports.get(number) ?? new ApplicationPort(context, number)
    ports.set(number, port)
    return port
  }

  return {
    registry,
    underWay,
    configure: (config) => {
      const index = new MeshIndex(config.state)
      const { local, workload } = localWorkload(config, index)
      store.replace(config.certificates)
      const source = sourceOf(workload)
      const metadata = peerMetadataLines(workload)
      const isMeshAddress = (ip: string): boolean => index.workloadByIp(ip) !== undefined
      const gate = requestGate(config.l7, undefined, createTokenVerifier(isMeshAddress))
      current = { config, index, local, workload, source, metadata, gate }
      accessLog.configure(config.accessLog)
      for (const port of ports.values()) port.enforce()
      connections.forgetPeers()
      clusters.update(index, config.l7?.destinations)
      pods.update(index)
    },
    serve: (listener) => {
      if (listener.kind === 'outbound') {
        return outbound(context, listener, (endpoint, alpn, traffic) =>
          dialEndpoint(dialler, endpoint, alpn, undefined, traffic),
        )
      }
      if (listener.kind === 'inbound') return inbound(context, portOf(listener.port))
      return inboundTunnels(context, portOf)
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
