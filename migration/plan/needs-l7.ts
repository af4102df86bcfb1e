import {
  type AuthorizationPolicy,
  type DestinationRule,
  type HttpRoute,
  parentsOf,
  targetRefsOf,
  type VirtualService,
} from '../../cluster/mesh/istio-objects.ts'
import { convertForZtunnel } from '../../cluster/mesh/ztunnel-policy.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { readable } from './mesh.ts'
import { type Attachable, isForSidecarsOnly, nameOf, reaching, reachOf } from './selection.ts'

/** Objects of a namespace that only a waypoint can carry once its pods are ambient. */
export function needsL7(
  snapshot: Snapshot,
  namespace: string,
  rootNamespace: string,
): readonly string[] {
  const read = <T extends KubeObject>(kind: Parameters<Snapshot['items']>[0]): readonly T[] =>
    readable(() => snapshot.items<T>(kind))
  const ours = ({ metadata }: KubeObject): boolean => metadata.namespace === namespace
  const policies = read<AuthorizationPolicy>('authorizationPolicy')
  const attached = [
    ...policies,
    ...read<Attachable>('requestAuthentication'),
    ...read<Attachable>('wasmPlugin'),
  ].filter((object) => ours(object) && targetRefsOf(object.spec).length > 0)
  const reach = reachOf(snapshot, namespace, rootNamespace)
  const selecting = [
    ...reaching(policies, reach).filter(isForRequests),
    ...reaching(read<Attachable>('requestAuthentication'), reach),
    ...reaching(read<Attachable>('wasmPlugin'), reach),
  ].filter((object) => !isForSidecarsOnly(object))
  const routes = [
    ...read<HttpRoute>('httpRoute').filter((route) => routesTo(route, namespace)),
    ...read<VirtualService>('virtualService').filter((one) => isMeshRouteTo(one, namespace)),
    ...read<DestinationRule>('destinationRule').filter(
      (one) => isHostOf(one.spec?.host ?? '', one, namespace) && shapesRequests(one),
    ),
  ]
  return [...new Set([...attached, ...selecting, ...routes].map(nameOf))]
}

/** What a ztunnel does not enforce as written; a lost audit record or dry run needs no waypoint. */
function isForRequests(policy: AuthorizationPolicy): boolean {
  const { verdict, looser } = convertForZtunnel(policy)
  if (verdict === 'not-sent') return looser
  return verdict !== 'exact' && verdict !== 'unattached'
}

function routesTo(route: HttpRoute, namespace: string): boolean {
  return parentsOf(route).some(
    ({ kind, namespace: home }) =>
      kind === 'Service' && (home ?? route.metadata.namespace) === namespace,
  )
}

/** One that sidecars apply to requests within the mesh, not only a gateway's. */
export function isMeshRouteTo(object: VirtualService, namespace: string): boolean {
  const { hosts = [], gateways = ['mesh'] } = object.spec ?? {}
  return gateways.includes('mesh') && hosts.some((host) => isHostOf(host, object, namespace))
}

/** Whether a host names a service of the namespace: `cart`, `cart.shop`, `cart.shop.svc.cluster.local`. */
export function isHostOf(host: string, { metadata }: KubeObject, namespace: string): boolean {
  if (!host.includes('.')) return metadata.namespace === namespace && host !== ''
  if (host.startsWith('*.')) return host.startsWith(`*.${namespace}.`)
  const [, home, svc] = host.split('.')
  return home === namespace && (svc === undefined || svc === 'svc')
}

/** More than TLS towards the service, which ztunnels take care of. */
function shapesRequests({ spec }: DestinationRule): boolean {
  const shapes = (policy: object | undefined): boolean =>
    Object.keys(policy ?? {}).some((key) => key !== 'tls' && key !== 'workloadSelector')
  return (spec?.subsets ?? []).length > 0 || shapes(spec?.trafficPolicy)
}
