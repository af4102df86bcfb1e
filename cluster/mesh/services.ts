import type { AppProtocol, Service as MeshService } from '../../proxies/config/mesh-state.ts'
import type { EndpointSlice, Service, ServicePort } from '../kinds.ts'
import { hostnameOf } from './naming.ts'
import { serviceBinding, type WaypointSources, waypointAddress } from './waypoint-binding.ts'

export interface ServiceSources {
  readonly slices: readonly EndpointSlice[]
  readonly waypoints: WaypointSources
}

export function meshService(service: Service, sources: ServiceSources): MeshService {
  const { name, namespace = 'default' } = service.metadata
  const ports = service.spec.ports ?? []
  const protocols = ports.flatMap((port) => {
    const protocol = protocolOf(port)
    return protocol === 'tcp' ? [] : [[String(port.port), protocol] as const]
  })
  const waypoint = waypointAddress(serviceBinding(service, sources.waypoints))
  return {
    name,
    namespace,
    hostname: hostnameOf(name, namespace),
    vips: service.spec.clusterIP?.includes('.') ? [`/${service.spec.clusterIP}`] : [],
    ports: Object.fromEntries(
      ports.map((port) => [String(port.port), numericTarget(port, service, sources.slices)]),
    ),
    ...(waypoint ? { waypoint } : {}),
    ...(protocols.length > 0 ? { protocols: Object.fromEntries(protocols) } : {}),
  }
}

/**
 * `appProtocol`, else the port name up to its first dash
 * (https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/).
 */
export function protocolOf({ appProtocol, name }: ServicePort): AppProtocol {
  const given = (appProtocol ?? name?.split('-')[0] ?? '').toLowerCase()
  if (given === 'kubernetes.io/h2c') return 'http2'
  return given === 'http' || given === 'http2' || given === 'grpc' ? given : 'tcp'
}

function numericTarget(
  { name = '', port, targetPort }: ServicePort,
  { metadata }: Service,
  slices: readonly EndpointSlice[],
): number {
  if (typeof targetPort === 'number') return targetPort
  const resolved = slices
    .filter((slice) => isSliceOf(slice, metadata.name, metadata.namespace))
    .flatMap((slice) => slice.ports)
    .find((one) => (one.name ?? '') === name)
  return resolved?.port ?? port
}

export function isSliceOf(
  { metadata }: EndpointSlice,
  service: string,
  namespace: string | undefined,
): boolean {
  return (
    metadata.namespace === namespace && metadata.labels?.['kubernetes.io/service-name'] === service
  )
}
