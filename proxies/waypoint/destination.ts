import type { Endpoint } from '../config/mesh-index.ts'
import type { AppProtocol, Service } from '../config/mesh-state.ts'
import { portFacts } from '../config/port-protocol.ts'
import { parseAuthority } from '../hbone/authority.ts'
import type { Cluster } from '../http/cluster.ts'
import { clusterName } from '../http/pod-clusters.ts'
import type { RequestGate } from '../policy/request-gate.ts'
import type { Router } from '../routing/router.ts'
import type { WaypointContext, WaypointView } from './context.ts'
import type { Wanted } from './waypoint-telemetry.ts'

/**
 * What a tunnel's authority names: a port of a service, or of a pod. Connections outlive snapshots, so
 * most of it is asked again.
 */
export interface Destination {
  readonly ip: string
  readonly port: number
  /** Undefined: nobody says, so its first bytes have to. */
  readonly protocol: AppProtocol | undefined
  readonly wanted: Wanted
  gate(): RequestGate | undefined
  router(): Router
  /** For connections instead of requests. */
  cluster(): Cluster
}

export interface Refused {
  readonly status: number
  readonly reason: string
  /** Only what this waypoint has been told so far says so. */
  readonly isUnbound?: true
}

const UNBOUND: Refused = {
  status: 404,
  reason: 'the authority names neither a service nor a pod of this waypoint',
  isUnbound: true,
}

/**
 * The authority is what the client's ztunnel was asked for: VIP and port or a service's name, else the
 * address of a pod. To none that has not this waypoint, since it would see this waypoint's identity. The
 * backends of routes need not have it: whoever wrote the route chose them, not the client.
 */
export function resolveDestination(
  context: WaypointContext,
  authority: string,
): Destination | Refused {
  const address = parseAuthority(authority)
  if (address === undefined) return { status: 400, reason: 'no valid authority pseudo header' }
  const { index, workload } = context.view()
  const service =
    index.serviceByVip(address.host, workload.namespace) ??
    index.serviceByHostname(address.host, workload.namespace)
  if (service !== undefined) {
    if (!context.bindings.has(service)) return UNBOUND
    return service.ports[String(address.port)] === undefined
      ? { status: 404, reason: 'the authority names no service port' }
      : serviceDestination(context, service, address.host, address.port)
  }
  const pod = index.workloadByIp(address.host)
  if (pod === undefined || !context.bindings.has(pod)) return UNBOUND
  return podDestination(context, { workload: pod, ip: address.host, targetPort: address.port })
}

function serviceDestination(
  { view, clusters }: WaypointContext,
  service: Service,
  ip: string,
  port: number,
): Destination {
  return {
    ip,
    port,
    protocol: service.protocols?.[String(port)] ?? 'tcp',
    wanted: { name: clusters.get(service, port).name, service },
    gate: () => view().decisions.gate(service),
    router: () => view().decisions.router(service, port),
    cluster: () => clusters.get(service, port),
  }
}

function podDestination({ view, pods }: WaypointContext, asked: Endpoint): Destination {
  const { ip, targetPort: port } = asked
  let known: { readonly view: WaypointView; readonly router: Router } | undefined
  const cluster = (): Cluster => {
    const pod = view().index.workloadByIp(ip)
    // Its address may have become another pod's.
    return pod?.uid === asked.workload.uid ? pods.get({ ...asked, workload: pod }) : NOWHERE
  }
  return {
    ip,
    port,
    protocol: portFacts(view().index, asked.workload, port)?.protocol,
    wanted: { name: clusterName(asked), service: undefined, endpoint: asked },
    gate: () => view().decisions.gate(undefined),
    router: () => {
      const now = view()
      if (known?.view !== now) {
        const route = { cluster: cluster(), routeName: 'default' }
        known = { view: now, router: () => route }
      }
      return known.router
    },
    cluster,
  }
}

const NOWHERE = { name: 'direct|gone', upstreams: [] }
