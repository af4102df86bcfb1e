import type { AuthorizationPolicy, MeshState } from '../../proxies/config/mesh-state.ts'
import type { ClusterView } from '../controllers/view.ts'
import { mtlsOf, mtlsPolicy } from './peer-authentication.ts'
import { meshService } from './services.ts'
import { waypointSources } from './waypoint-binding.ts'
import { meshWorkload, type WorkloadSources } from './workloads.ts'
import { convertForZtunnel } from './ztunnel-policy.ts'

/** Everything the mesh knows, from what is in the cluster now. Sorted, so that equal means same. */
export function meshState(
  view: ClusterView,
  trustDomain: string,
  socket: WorkloadSources['socket'] = (host, port) => ({ host, port }),
): MeshState {
  const services = view.services.all()
  const slices = view.endpointSlices.all()
  const converted = view.authorizationPolicies.all().flatMap((object) => {
    const { policy } = convertForZtunnel(object)
    return policy ? [{ object, policy }] : []
  })
  const peerAuthentications = view.peerAuthentications.all()
  const sources = {
    trustDomain,
    socket,
    services,
    slices,
    waypoints: waypointSources(view),
    peerAuthentications,
    selected: converted.filter(({ policy }) => policy.scope === 'WorkloadSelector'),
    namespaceLabels: (name: string) => view.namespaces.get(name)?.metadata.labels,
  }
  const workloads = view.pods
    .all()
    .flatMap((pod) => meshWorkload(pod, sources) ?? [])
    .sort((a, b) => a.uid.localeCompare(b.uid))
  const strictness = view.pods
    .all()
    .flatMap((pod) => mtlsPolicy(mtlsOf(pod, peerAuthentications)) ?? [])
  const policies = new Map<string, AuthorizationPolicy>()
  for (const policy of [...converted.map((one) => one.policy), ...strictness]) {
    policies.set(`${policy.namespace}/${policy.name}`, policy)
  }
  return {
    workloads,
    services: services
      .map((service) => meshService(service, sources))
      .sort((a, b) => a.hostname.localeCompare(b.hostname)),
    policies: [...policies].sort(([a], [b]) => a.localeCompare(b)).map(([, policy]) => policy),
  }
}
