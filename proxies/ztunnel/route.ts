import { type Endpoint, identityOf, type MeshIndex, socketOf } from '../config/mesh-index.ts'
import type { GatewayAddress, Service, Workload } from '../config/mesh-state.ts'
import type { SocketAddress } from '../config/process.ts'
import { ProxyError } from '../errors.ts'
import { formatAuthority } from '../hbone/authority.ts'
import { HBONE_PORT } from '../hbone/settings.ts'
import { pickEndpoint } from './balance.ts'

/** Where a captured connection goes, decided before anything is dialled. */
export type Route =
  | {
      readonly kind: 'hbone'
      readonly nextHop: SocketAddress
      readonly authority: string
      readonly expectedIdentities: readonly string[]
      /** The waypoint when there is one, else the endpoint. */
      readonly destination: Workload
      readonly service: Service | undefined
    }
  | {
      readonly kind: 'tcp'
      readonly nextHop: SocketAddress
      readonly destination: Workload | undefined
      readonly service: Service | undefined
    }

/** Ports of the mesh itself: an application that dials them would go in circles. */
export const MESH_PORTS: ReadonlySet<number> = new Set([15_001, 15_006, 15_008])

/**
 * ztunnel's order (istio/ztunnel src/proxy/outbound.rs): a service's waypoint, one of its endpoints,
 * the waypoint of a pod addressed directly, the pod, and unknown addresses as they are. Nothing that
 * is known falls back to plaintext or to a direct path.
 */
export function routeOutbound(index: MeshIndex, source: Workload, wanted: SocketAddress): Route {
  if (MESH_PORTS.has(wanted.port) && isSelf(source, wanted.host)) {
    throw new ProxyError('SELF_CALL', `call to the mesh's own port ${wanted.port}`)
  }
  const service = index.serviceByVip(wanted.host, source.namespace)
  if (service) {
    if (service.waypoint) return viaWaypoint(index, service.waypoint, wanted, service)
    if (service.loadBalancer?.mode === 'Passthrough') {
      return { kind: 'tcp', nextHop: wanted, destination: undefined, service }
    }
    const endpoint = pickEndpoint(index, service, wanted.port, source)
    if (!endpoint) {
      throw new ProxyError(
        'NO_UPSTREAM',
        `no healthy upstream for ${service.hostname}:${wanted.port}`,
      )
    }
    return toEndpoint(endpoint, service)
  }
  const workload = index.workloadByIp(wanted.host)
  if (!workload) return { kind: 'tcp', nextHop: wanted, destination: undefined, service }
  // A waypoint's own traffic to the pod must not come back to it.
  if (workload.waypoint && !index.isGateway(workload.waypoint, source)) {
    return viaWaypoint(index, workload.waypoint, wanted, undefined)
  }
  return toEndpoint({ workload, ip: wanted.host, targetPort: wanted.port }, undefined)
}

function toEndpoint({ workload, ip, targetPort }: Endpoint, service: Service | undefined): Route {
  const address = { host: ip, port: targetPort }
  if (workload.protocol === 'TCP') {
    const nextHop = socketOf(workload, ip, targetPort)
    return { kind: 'tcp', nextHop, destination: workload, service }
  }
  return {
    kind: 'hbone',
    nextHop: socketOf(workload, ip, workload.hbonePort ?? HBONE_PORT),
    authority: formatAuthority(address),
    expectedIdentities: [...(service?.subjectAltNames ?? []), identityOf(workload)],
    destination: workload,
    service,
  }
}

/** The authority stays what the application asked for: the waypoint routes by it. */
function viaWaypoint(
  index: MeshIndex,
  address: GatewayAddress,
  wanted: SocketAddress,
  service: Service | undefined,
): Route {
  const gateway = index.gateway(address)
  const endpoint =
    gateway && 'hostname' in gateway
      ? pickEndpoint(index, gateway, address.hboneMtlsPort)
      : gateway && podEndpoint(gateway, address.hboneMtlsPort)
  if (!gateway || !endpoint) {
    throw new ProxyError('NO_WAYPOINT', `waypoint ${address.destination} cannot be resolved`)
  }
  const { workload, ip, targetPort } = endpoint
  const names = 'hostname' in gateway ? (gateway.subjectAltNames ?? []) : []
  return {
    kind: 'hbone',
    nextHop: socketOf(workload, ip, workload.hbonePort ?? targetPort),
    authority: formatAuthority(wanted),
    expectedIdentities: [...names, identityOf(workload)],
    destination: workload,
    service,
  }
}

function podEndpoint(workload: Workload, targetPort: number): Endpoint | undefined {
  const ip = workload.workloadIps[0]
  return ip === undefined ? undefined : { workload, ip, targetPort }
}

function isSelf(source: Workload, host: string): boolean {
  return host === '127.0.0.1' || host === '::1' || source.workloadIps.includes(host)
}
