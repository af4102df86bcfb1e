import { isObject, members, valueAt } from '../../cluster/api/json.ts'
import type { Gateway } from '../../cluster/kinds.ts'
import {
  type BackendRef,
  type HttpRoute,
  parentsOf,
  type VirtualService,
} from '../../cluster/mesh/istio-objects.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { isHostOf } from '../plan/needs-l7.ts'

/** Routes of gateways by the service of the namespace they lead to. */
export function ingressRoutes(
  snapshot: Snapshot,
  namespace: string,
): ReadonlyMap<string, readonly string[]> {
  const reached = new Map<string, string[]>()
  const add = (service: string, { kind, metadata }: KubeObject): void => {
    const title = `${kind} ${metadata.namespace}/${metadata.name}`
    const known = reached.get(service) ?? []
    if (!known.includes(title)) reached.set(service, [...known, title])
  }
  const waypoints = new Set(
    snapshot
      .items<Gateway>('gateway')
      .filter(({ spec }) => /waypoint/.test(spec.gatewayClassName))
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
  )
  for (const route of snapshot.items<HttpRoute>('httpRoute')) {
    const home = route.metadata.namespace ?? ''
    const comesIn = parentsOf(route).some(
      ({ kind = 'Gateway', name, namespace: place = home }) =>
        kind === 'Gateway' && !waypoints.has(`${place}/${name}`),
    )
    if (!comesIn) continue
    for (const { kind = 'Service', name, namespace: place = home } of backendsOf(route)) {
      if (kind === 'Service' && place === namespace) add(name, route)
    }
  }
  for (const route of snapshot.items<VirtualService>('virtualService')) {
    const { gateways = ['mesh'] } = route.spec ?? {}
    if (gateways.every((name) => name === 'mesh')) continue
    for (const host of destinationsOf(route)) {
      if (isHostOf(host, route, namespace)) add(host.split('.')[0] ?? '', route)
    }
  }
  return reached
}

function backendsOf({ spec }: HttpRoute): readonly BackendRef[] {
  return members(spec.rules).flatMap(({ backendRefs }) =>
    members(backendRefs),
  ) as unknown as BackendRef[]
}

function destinationsOf({ spec }: VirtualService): readonly string[] {
  const rules = ['http', 'tls', 'tcp'].flatMap((name) => members(isObject(spec) ? spec[name] : []))
  return rules
    .flatMap(({ route }) => members(route))
    .map((one) => valueAt(one, 'destination.host'))
    .filter((host) => typeof host === 'string')
}
