import type {
  AppProtocol,
  GatewayAddress,
  Service as MeshService,
} from '../../proxies/config/mesh-state.ts'
import type { EndpointSlice, Gateway, Service, ServicePort } from '../kinds.ts'
import { hbonePort, meshLabels } from '../mesh-labels.ts'
import { hostnameOf } from './naming.ts'

export interface ServiceSources {
  readonly slices: readonly EndpointSlice[]
  readonly gateways: readonly Gateway[]
  namespaceLabels(namespace: string): Readonly<Record<string, string>> | undefined
}

export function meshService(service: Service, sources: ServiceSources): MeshService {
  const { name, namespace = 'default' } = service.metadata
  const ports = service.spec.ports ?? []
  const protocols = ports.flatMap((port) => {
    const protocol = protocolOf(port)
    return protocol === 'tcp' ? [] : [[String(port.port), protocol] as const]
  })
  const waypoint = serviceWaypoint(service, sources)
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

/** The service's own label decides, then its namespace's; `none` opts out (istiod waypoints.go). */
function serviceWaypoint(service: Service, sources: ServiceSources): GatewayAddress | undefined {
  const { labels, namespace = 'default' } = service.metadata
  const source = labels?.[meshLabels.useWaypoint] ? labels : sources.namespaceLabels(namespace)
  const name = source?.[meshLabels.useWaypoint]
  if (!name || name === 'none') return undefined
  const home = source?.[meshLabels.useWaypointNamespace] ?? namespace
  const gateway = sources.gateways.find(
    ({ metadata }) => metadata.name === name && metadata.namespace === home,
  )
  // The waypoint's own service would otherwise send its traffic to itself.
  if (labels?.[meshLabels.gatewayName] === name) return undefined
  const serves = gateway?.metadata.labels?.['istio.io/waypoint-for'] ?? 'service'
  // One that was never ready is not a waypoint yet: traffic goes straight to the pods.
  if (!gateway?.status?.addresses?.length || !['service', 'all'].includes(serves)) return undefined
  return { destination: `${home}/${hostnameOf(name, home)}`, hboneMtlsPort: hbonePort }
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
