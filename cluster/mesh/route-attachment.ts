import type { ServiceRoutes } from '../../proxies/config/l7.ts'
import type { ClusterView } from '../controllers/view.ts'
import type { Service } from '../kinds.ts'
import { convertHttpRoute, type ResolveBackend, sortRules } from './http-routes.ts'
import {
  byAge,
  type HttpRoute,
  type ParentRef,
  parentsOf,
  type VirtualService,
} from './istio-objects.ts'
import { clusterDomain, hostnameOf, serviceKey } from './naming.ts'
import { convertVirtualService } from './virtual-services.ts'

/** Follows a backend of an HTTPRoute; other namespaces would have to grant it, and cannot here. */
export function backendResolver(view: ClusterView): ResolveBackend {
  return ({ group = '', kind = 'Service', name, namespace, port }, home) => {
    if (group !== '' || kind !== 'Service') return { problem: 'InvalidKind' }
    if (namespace !== undefined && namespace !== home) return { problem: 'RefNotPermitted' }
    const service = view.services.get(name, home)
    const known = service?.spec.ports?.some((one) => one.port === port)
    if (!service || !known || port === undefined) return { problem: 'BackendNotFound' }
    return { service: serviceKey(service), port }
  }
}

export function isServiceParent({ group = 'gateway.networking.k8s.io', kind }: ParentRef): boolean {
  return kind === 'Service' && (group === '' || group === 'core')
}

/**
 * HTTPRoutes of one service port, oldest first. A route of the service's own namespace is for all its
 * clients, one from elsewhere only for clients there, who prefer it (Gateway API, GAMMA).
 */
export function routesOf(
  service: Service,
  port: number,
  view: ClusterView,
  clientNamespace: string,
): readonly HttpRoute[] {
  const { name, namespace } = service.metadata
  const attached = view.httpRoutes
    .all()
    .filter((route) =>
      parentsOf(route).some(
        (ref) =>
          isServiceParent(ref) &&
          ref.name === name &&
          (ref.namespace ?? route.metadata.namespace) === namespace &&
          (ref.port === undefined || ref.port === port),
      ),
    )
    .sort(byAge)
  const own = attached.filter(({ metadata }) => metadata.namespace === namespace)
  const consumers = attached.filter(
    ({ metadata }) => metadata.namespace === clientNamespace && metadata.namespace !== namespace,
  )
  return consumers.length > 0 ? consumers : own
}

export interface RouteOptions {
  readonly clientNamespace: string
  /** VirtualServices are for sidecars only. */
  readonly virtualServices: boolean
}

export function serviceRoutes(
  service: Service,
  view: ClusterView,
  { clientNamespace, virtualServices }: RouteOptions,
): readonly ServiceRoutes[] {
  const key = serviceKey(service)
  const resolve = backendResolver(view)
  const virtual = virtualServices ? virtualServiceOf(service, view, clientNamespace) : undefined
  return (service.spec.ports ?? []).flatMap(({ port }) => {
    const routes = routesOf(service, port, view, clientNamespace)
    if (routes.length > 0) {
      const rules = routes.flatMap((route) => convertHttpRoute(route, resolve).rules)
      return [{ service: key, port, rules: sortRules(rules) }]
    }
    if (virtual === undefined) return []
    return [{ service: key, port, rules: virtualRules(virtual, view, port) }]
  })
}

function virtualServiceOf(
  { metadata: { name, namespace = 'default' } }: Service,
  view: ClusterView,
  clientNamespace: string,
): VirtualService | undefined {
  const wanted = hostnameOf(name, namespace)
  return view.virtualServices
    .all()
    .sort(byAge)
    .find(({ metadata, spec }) => {
      const home = metadata.namespace ?? 'default'
      const exported = spec?.exportTo?.includes('.') ? home === clientNamespace : true
      const inMesh = spec?.gateways === undefined || spec.gateways.includes('mesh')
      const hosts = Array.isArray(spec?.hosts) ? spec.hosts : []
      return exported && inMesh && hosts.some((host) => fullHost(host, home) === wanted)
    })
}

export function virtualRules(
  virtual: VirtualService,
  view: ClusterView,
  port: number,
): ServiceRoutes['rules'] {
  const home = virtual.metadata.namespace ?? 'default'
  return convertVirtualService(virtual, ({ host, port: given }) => {
    const wanted = fullHost(host, home)
    const found = view.services
      .all()
      .find(({ metadata }) => hostnameOf(metadata.name, metadata.namespace ?? 'default') === wanted)
    const ports = found?.spec.ports ?? []
    // Without a port the one asked for is meant, or the only one there is.
    const only = ports.length === 1 ? ports[0]?.port : undefined
    const chosen = given?.number ?? (ports.some((one) => one.port === port) ? port : only)
    return found && chosen !== undefined ? { service: serviceKey(found), port: chosen } : undefined
  }).rules
}

/** A name without dots is of the object's own namespace. */
export function fullHost(host: string, namespace: string): string {
  return host.includes('.') ? host : `${host}.${namespace}.svc.${clusterDomain}`
}
