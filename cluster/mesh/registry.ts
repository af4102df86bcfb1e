import type { MeshState } from '../../proxies/config/mesh-state.ts'
import type { ClusterView } from '../controllers/view.ts'
import { strictPolicy } from './peer-authentication.ts'
import { meshService } from './services.ts'
import { meshWorkload } from './workloads.ts'

/** Everything the mesh knows, from what is in the cluster now. Sorted, so that equal means same. */
export function meshState(view: ClusterView, trustDomain: string): MeshState {
  const services = view.services.all()
  const slices = view.endpointSlices.all()
  const sources = {
    trustDomain,
    services,
    slices,
    gateways: view.gateways.all(),
    peerAuthentications: view.peerAuthentications.all(),
    namespaceLabels: (name: string) => view.namespaces.get(name)?.metadata.labels,
  }
  const workloads = view.pods
    .all()
    .flatMap((pod) => meshWorkload(pod, sources) ?? [])
    .sort((a, b) => a.uid.localeCompare(b.uid))
  const isStrict = workloads.some(({ authorizationPolicies }) => authorizationPolicies?.length)
  return {
    workloads,
    services: services
      .map((service) => meshService(service, sources))
      .sort((a, b) => a.hostname.localeCompare(b.hostname)),
    policies: isStrict ? [strictPolicy] : [],
  }
}
