import type { AuthorizationPolicy as L4Policy, Workload } from '../../proxies/config/mesh-state.ts'
import type { AddressPlan } from '../agent/address-plan.ts'
import { isPodReady } from '../controllers/conditions.ts'
import type { EndpointSlice, PeerAuthentication, Pod, Service } from '../kinds.ts'
import {
  dataplaneOf,
  hbonePort,
  labelsForZtunnel,
  meshAnnotations,
  meshLabels,
  systemNamespace,
  takesHbone,
} from '../mesh-labels.ts'
import type { AuthorizationPolicy } from './istio-objects.ts'
import { selects } from './istio-objects.ts'
import { clusterId, proxyKindOf, serviceKey, workloadUid } from './naming.ts'
import { mtlsOf, mtlsPolicy } from './peer-authentication.ts'
import { isSliceOf } from './services.ts'
import { podBinding, type WaypointSources, waypointAddress } from './waypoint-binding.ts'

export interface WorkloadSources {
  readonly trustDomain: string
  /** Where a pod's port really is. */
  readonly socket: AddressPlan['socket']
  readonly services: readonly Service[]
  readonly slices: readonly EndpointSlice[]
  readonly peerAuthentications: readonly PeerAuthentication[]
  /** Policies with a selector, as they are and as a ztunnel gets them. */
  readonly selected: readonly SelectorPolicy[]
  readonly waypoints: WaypointSources
  namespaceLabels(namespace: string): Readonly<Record<string, string>> | undefined
}

export interface SelectorPolicy {
  readonly object: AuthorizationPolicy
  readonly policy: L4Policy
}

/** A pod as the mesh sees it; undefined while it has no address or when it has ended. */
export function meshWorkload(pod: Pod, sources: WorkloadSources): Workload | undefined {
  const { name, namespace = 'default', labels, uid = '' } = pod.metadata
  const { podIP, phase } = pod.status ?? {}
  if (!podIP || phase === 'Succeeded' || phase === 'Failed') return undefined
  const owner = ownerOf(pod)
  const policies = policiesOf(pod, sources)
  const healthy = isPodReady(pod) && pod.metadata.deletionTimestamp === undefined
  const captured = endsTunnels(pod, sources)
  const native = !captured && takesHbone(pod.metadata)
  const services = backedServices(uid, sources)
  const waypoint = waypointAddress(podBinding(pod, sources.waypoints))
  const sockets = movedSockets(pod, podIP, Object.values(services).flatMap(Object.values), sources)
  return {
    uid: workloadUid(namespace, name),
    name,
    namespace,
    serviceAccount: pod.spec.serviceAccountName ?? 'default',
    trustDomain: sources.trustDomain,
    workloadIps: [podIP],
    protocol: captured || native ? 'HBONE' : 'TCP',
    ...(native ? { nativeTunnel: true } : {}),
    ...(pod.spec.nodeName ? { node: pod.spec.nodeName } : {}),
    workloadName: owner.name,
    workloadType: owner.type,
    canonicalName:
      labels?.[meshLabels.canonicalName] ??
      labels?.['app.kubernetes.io/name'] ??
      labels?.app ??
      owner.name,
    canonicalRevision:
      labels?.[meshLabels.canonicalRevision] ??
      labels?.['app.kubernetes.io/version'] ??
      labels?.version ??
      'latest',
    clusterId,
    status: healthy ? 'Healthy' : 'Unhealthy',
    services,
    ...(waypoint ? { waypoint } : {}),
    ...(labels?.[meshLabels.tlsMode] === 'istio' && !captured ? { tlsMode: 'istio' as const } : {}),
    ...(sockets ? { sockets } : {}),
    ...(policies.length > 0 ? { authorizationPolicies: policies } : {}),
  }
}

/** Names of the policies that select this one pod; those of its whole namespace need no mention. */
function policiesOf(pod: Pod, { peerAuthentications, selected }: WorkloadSources): string[] {
  const { namespace } = pod.metadata
  const labels = labelsForZtunnel(pod.metadata)
  const mtls = mtlsPolicy(mtlsOf(pod, peerAuthentications))
  const selecting = selected.filter(({ object }) => {
    const home = object.metadata.namespace
    const wanted = Object.keys(object.spec?.selector?.matchLabels ?? {})
    return (
      (home === namespace || home === systemNamespace) &&
      wanted.length > 0 &&
      selects(object.spec, labels)
    )
  })
  const names = selecting.map(({ policy }) => `${policy.namespace}/${policy.name}`)
  return mtls ? [...names, `${mtls.namespace}/${mtls.name}`] : names
}

/** Whether HBONE is all it takes: waypoints, and others once their node's ztunnel has them. */
function endsTunnels(pod: Pod, { namespaceLabels }: WorkloadSources): boolean {
  if (proxyKindOf(pod) === 'waypoint') return true
  const { labels, annotations, namespace = 'default' } = pod.metadata
  const dataplane = dataplaneOf(
    { labels, annotations, hostNetwork: pod.spec.hostNetwork ?? false },
    namespaceLabels(namespace),
  )
  // On its way between sidecar and ambient both serve it, and the tunnel is what stays.
  const captured = dataplane === 'ambient' || annotations?.[meshAnnotations.takeover] !== undefined
  return captured && annotations?.[meshAnnotations.redirection] === 'enabled'
}

function backedServices(
  podUid: string,
  { services, slices }: WorkloadSources,
): Record<string, Record<string, number>> {
  const backed: Record<string, Record<string, number>> = {}
  for (const service of services) {
    const { name, namespace } = service.metadata
    for (const slice of slices) {
      if (!isSliceOf(slice, name, namespace)) continue
      if (!slice.endpoints.some(({ targetRef }) => targetRef?.uid === podUid)) continue
      backed[serviceKey(service)] = Object.fromEntries(
        (service.spec.ports ?? []).flatMap((port) => {
          const target = slice.ports.find((one) => (one.name ?? '') === (port.name ?? ''))
          return target ? [[String(port.port), target.port]] : []
        }),
      )
    }
  }
  return backed
}

/** Where its ports are, if the plan of addresses puts any elsewhere than at its address. */
function movedSockets(
  { spec }: Pod,
  podIp: string,
  targets: readonly number[],
  { socket }: WorkloadSources,
): Workload['sockets'] {
  const declared = spec.containers.flatMap(({ ports }) => ports ?? [])
  const ports = new Set([...declared.map(({ containerPort }) => containerPort), ...targets])
  const moved = [...ports, hbonePort]
    .map((port) => [port, socket(podIp, port)] as const)
    .filter(([port, real]) => real.host !== podIp || real.port !== port)
  return moved.length > 0 ? Object.fromEntries(moved) : undefined
}

/** A Deployment's pod belongs to a ReplicaSet named after it and the template's hash. */
function ownerOf({ metadata }: Pod): { name: string; type: 'deployment' | 'pod' | 'job' } {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller)
  const hash = metadata.labels?.['pod-template-hash']
  if (owner?.kind === 'ReplicaSet' && hash && owner.name.endsWith(`-${hash}`)) {
    return { name: owner.name.slice(0, -hash.length - 1), type: 'deployment' }
  }
  if (owner?.kind === 'Job') return { name: owner.name, type: 'job' }
  return { name: owner?.name ?? metadata.name, type: 'pod' }
}
