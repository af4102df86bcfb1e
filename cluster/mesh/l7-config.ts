import type { DestinationPolicy, L7Config } from '../../proxies/config/l7.ts'
import type { ClusterView } from '../controllers/view.ts'
import type { Pod, Service } from '../kinds.ts'
import { meshLabels, systemNamespace } from '../mesh-labels.ts'
import { convertDestinationRule } from './destination-rules.ts'
import {
  type AuthorizationPolicy,
  byAge,
  type DestinationRule,
  type RequestAuthentication,
  selects,
  targetRefsOf,
} from './istio-objects.ts'
import { hostnameOf, proxyKindOf, serviceKey, workloadUid } from './naming.ts'
import { convertAuthentication, convertForRequests, isForWaypoints } from './request-policy.ts'
import { fullHost, serviceRoutes } from './route-attachment.ts'
import { serviceBinding, waypointSources } from './waypoint-binding.ts'

export const WAYPOINT_CLASS = 'istio-waypoint'

type Attached = AuthorizationPolicy | RequestAuthentication

/** What this one proxy has to know about requests; undefined when that is nothing, or it is L4. */
export function l7Config(pod: Pod, view: ClusterView): L7Config | undefined {
  const kind = proxyKindOf(pod)
  if (kind === 'ztunnel') return undefined
  const config = kind === 'waypoint' ? forWaypoint(pod, view) : forSidecar(pod, view)
  const empty = Object.values(config).every((list) => list.length === 0)
  return empty ? undefined : config
}

function forSidecar(pod: Pod, view: ClusterView): L7Config {
  const { namespace = 'default', labels = {} } = pod.metadata
  const concerns = (object: Attached): boolean =>
    !isForWaypoints(object) &&
    (object.metadata.namespace === namespace || object.metadata.namespace === systemNamespace) &&
    selects(object.spec, labels)
  const services = sortedServices(view)
  return {
    policies: view.authorizationPolicies
      .all()
      .filter(concerns)
      .sort(byAge)
      .flatMap((object) => convertForRequests(object).policy ?? []),
    authentications: view.requestAuthentications
      .all()
      .filter(concerns)
      .sort(byAge)
      .map(convertAuthentication),
    routes: services.flatMap((service) =>
      serviceRoutes(service, view, { clientNamespace: namespace, virtualServices: true }),
    ),
    destinations: services.flatMap((service) => destinationOf(service, view, namespace) ?? []),
  }
}

function forWaypoint(pod: Pod, view: ClusterView): L7Config {
  const { namespace = 'default', labels = {} } = pod.metadata
  const name = labels[meshLabels.gatewayName] ?? ''
  const sources = waypointSources(view)
  const services = sortedServices(view)
  const served = services.filter((service) => {
    const bound = serviceBinding(service, sources)
    return bound?.name === name && bound.namespace === namespace
  })
  const attached = <T extends { readonly services?: readonly string[] }>(
    object: Attached,
    converted: T,
  ): T | undefined => {
    const scope = waypointScope(object, { name, namespace }, served)
    if (scope === undefined) return undefined
    return scope === 'all' ? converted : { ...converted, services: scope }
  }
  return {
    policies: view.authorizationPolicies
      .all()
      .sort(byAge)
      .flatMap((object) => {
        const { policy } = convertForRequests(object)
        return (policy && attached(object, policy)) ?? []
      }),
    authentications: view.requestAuthentications
      .all()
      .sort(byAge)
      .flatMap((object) => attached(object, convertAuthentication(object)) ?? []),
    routes: served.flatMap((service) =>
      serviceRoutes(service, view, { clientNamespace: namespace, virtualServices: false }),
    ),
    destinations: services.flatMap((service) => destinationOf(service, view, namespace) ?? []),
  }
}

/** The services of a waypoint that an object is for; undefined: none of its business. */
export function waypointScope(
  { metadata, spec }: Attached,
  waypoint: { readonly name: string; readonly namespace: string },
  served: readonly Service[],
): 'all' | string[] | undefined {
  const home = metadata.namespace
  const services: string[] = []
  for (const { kind, name } of targetRefsOf(spec)) {
    const ours = kind === 'Gateway' && name === waypoint.name && home === waypoint.namespace
    const everyones = kind === 'GatewayClass' && name === WAYPOINT_CLASS && home === systemNamespace
    if (ours || everyones) return 'all'
    if (kind !== 'Service') continue
    const service = served.find(
      (one) => one.metadata.name === name && one.metadata.namespace === home,
    )
    if (service) services.push(serviceKey(service))
  }
  return services.length > 0 ? services : undefined
}

/** The client's own rule for the host, then that of the service's namespace, then the mesh's. */
function destinationOf(
  service: Service,
  view: ClusterView,
  clientNamespace: string,
): DestinationPolicy | undefined {
  const { name, namespace = 'default' } = service.metadata
  const host = hostnameOf(name, namespace)
  const homes = [clientNamespace, namespace, systemNamespace]
  const matching = view.destinationRules
    .all()
    .filter(
      ({ metadata, spec }) => fullHost(spec?.host ?? '', metadata.namespace ?? 'default') === host,
    )
    .sort(byAge)
  const rule: DestinationRule | undefined = homes
    .map((home) => matching.find(({ metadata }) => metadata.namespace === home))
    .find((found) => found !== undefined)
  if (rule === undefined) return undefined
  return convertDestinationRule(rule, serviceKey(service), (labels) =>
    view.pods
      .all()
      .filter(
        ({ metadata }) =>
          metadata.namespace === namespace &&
          Object.entries(labels).every(([key, value]) => metadata.labels?.[key] === value),
      )
      .map(({ metadata }) => workloadUid(namespace, metadata.name))
      .sort(),
  ).policy
}

function sortedServices(view: ClusterView): readonly Service[] {
  return view.services.all().sort((a, b) => serviceKey(a).localeCompare(serviceKey(b)))
}
