import type { GatewayAddress } from '../../proxies/config/mesh-state.ts'
import { matchesSelector } from '../controllers/labels.ts'
import type { ClusterView } from '../controllers/view.ts'
import type { Gateway, Pod, Service } from '../kinds.ts'
import { hbonePort, managedByMesh, meshLabels } from '../mesh-labels.ts'
import type { KubeObject } from '../objects.ts'
import { hostnameOf } from './naming.ts'

type Labels = Readonly<Record<string, string>> | undefined

export interface WaypointSources {
  readonly gateways: readonly Gateway[]
  namespaceLabels(namespace: string): Labels
  /** Of a GatewayClass: what its waypoints are for unless they say so themselves. */
  classLabels(name: string): Labels
}

export type BindingReason =
  | 'WaypointAccepted'
  | 'WaypointIsNotReady'
  | 'AttachmentDenied'
  | 'UnsupportedTrafficType'

/** What the label `use-waypoint` of an object or its namespace comes to. */
export interface Binding {
  readonly reason: BindingReason
  readonly name: string
  readonly namespace: string
}

export function waypointSources(view: ClusterView): WaypointSources {
  return {
    gateways: view.gateways.all(),
    namespaceLabels: (name) => view.namespaces.get(name)?.metadata.labels,
    classLabels: (name) => view.gatewayClasses.get(name)?.metadata.labels,
  }
}

/** For traffic to the service's address. */
export function serviceBinding(service: Service, sources: WaypointSources): Binding | undefined {
  return bindingOf(service.metadata, 'service', sources)
}

/**
 * For traffic to the pod's own address. A namespace that names a waypoint for services only says nothing
 * about its pods, and waypoints have no waypoints.
 */
export function podBinding({ metadata }: Pod, sources: WaypointSources): Binding | undefined {
  if (metadata.labels?.[meshLabels.managedGateway] === managedByMesh) return undefined
  const bound = bindingOf(metadata, 'workload', sources)
  const own = metadata.labels?.[meshLabels.useWaypoint] !== undefined
  return bound?.reason === 'UnsupportedTrafficType' && !own ? undefined : bound
}

/** How proxies are told; undefined: traffic goes straight to the pods. */
export function waypointAddress(bound: Binding | undefined): GatewayAddress | undefined {
  if (bound?.reason !== 'WaypointAccepted') return undefined
  const { name, namespace } = bound
  return { destination: `${namespace}/${hostnameOf(name, namespace)}`, hboneMtlsPort: hbonePort }
}

/**
 * The object's own label decides, then its namespace's; `none` opts out (istio/istio
 * pilot/pkg/serviceregistry/ambient/waypoints.go). There is no falling back to the namespace when the
 * object's own waypoint is missing.
 */
function bindingOf(
  { labels, namespace = 'default' }: KubeObject['metadata'],
  traffic: 'service' | 'workload',
  sources: WaypointSources,
): Binding | undefined {
  const source = labels?.[meshLabels.useWaypoint] ? labels : sources.namespaceLabels(namespace)
  const name = source?.[meshLabels.useWaypoint]
  if (!name || name === 'none') return undefined
  // The waypoint's own service would otherwise send its traffic to itself.
  if (labels?.[meshLabels.gatewayName] === name) return undefined
  const home = source?.[meshLabels.useWaypointNamespace] ?? namespace
  const gateway = sources.gateways.find(
    (one) => one.metadata.name === name && one.metadata.namespace === home,
  )
  return { name, namespace: home, reason: reasonFor(gateway, namespace, traffic, sources) }
}

function reasonFor(
  gateway: Gateway | undefined,
  namespace: string,
  traffic: 'service' | 'workload',
  sources: WaypointSources,
): BindingReason {
  // One that was never ready is not a waypoint yet: traffic goes straight to the pods.
  if (!gateway?.status?.addresses?.length) return 'WaypointIsNotReady'
  if (!admits(gateway, namespace, sources)) return 'AttachmentDenied'
  const serves =
    gateway.metadata.labels?.[meshLabels.waypointFor] ??
    sources.classLabels(gateway.spec.gatewayClassName)?.[meshLabels.waypointFor] ??
    'service'
  return [traffic, 'all'].includes(serves) ? 'WaypointAccepted' : 'UnsupportedTrafficType'
}

/** `allowedRoutes` of its HBONE listener, by default its own namespace only. */
function admits(
  { metadata, spec }: Gateway,
  namespace: string,
  { namespaceLabels }: WaypointSources,
): boolean {
  if (metadata.namespace === namespace) return true
  const listener = spec.listeners?.find(({ protocol }) => protocol === 'HBONE')
  const { from = 'Same', selector } = listener?.allowedRoutes?.namespaces ?? {}
  if (from === 'All') return true
  if (from !== 'Selector') return false
  const named = { 'kubernetes.io/metadata.name': namespace }
  return matchesSelector(selector ?? {}, { ...named, ...namespaceLabels(namespace) })
}
