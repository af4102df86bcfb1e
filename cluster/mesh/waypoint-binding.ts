import type { Gateway, Service } from '../kinds.ts'
import { meshLabels } from '../mesh-labels.ts'

export interface WaypointSources {
  readonly gateways: readonly Gateway[]
  namespaceLabels(namespace: string): Readonly<Record<string, string>> | undefined
}

/** What the label `use-waypoint` of a service or its namespace comes to. */
export type Binding =
  | { readonly reason: 'WaypointAccepted'; readonly name: string; readonly namespace: string }
  | {
      readonly reason: 'WaypointIsNotReady' | 'UnsupportedTrafficType'
      readonly name: string
      readonly namespace: string
    }

/**
 * The service's own label decides, then its namespace's; `none` opts out (istio/istio
 * pilot/pkg/serviceregistry/ambient/waypoints.go). There is no falling back to the namespace when the
 * service's own waypoint is missing.
 */
export function waypointBinding(
  { metadata }: Service,
  { gateways, namespaceLabels }: WaypointSources,
): Binding | undefined {
  const { labels, namespace = 'default' } = metadata
  const source = labels?.[meshLabels.useWaypoint] ? labels : namespaceLabels(namespace)
  const name = source?.[meshLabels.useWaypoint]
  if (!name || name === 'none') return undefined
  // The waypoint's own service would otherwise send its traffic to itself.
  if (labels?.[meshLabels.gatewayName] === name) return undefined
  const home = source?.[meshLabels.useWaypointNamespace] ?? namespace
  const bound = { name, namespace: home }
  const gateway = gateways.find(
    (one) => one.metadata.name === name && one.metadata.namespace === home,
  )
  // One that was never ready is not a waypoint yet: traffic goes straight to the pods.
  if (!gateway?.status?.addresses?.length) return { ...bound, reason: 'WaypointIsNotReady' }
  const serves = gateway.metadata.labels?.['istio.io/waypoint-for'] ?? 'service'
  return {
    ...bound,
    reason: ['service', 'all'].includes(serves) ? 'WaypointAccepted' : 'UnsupportedTrafficType',
  }
}
