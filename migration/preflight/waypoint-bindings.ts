import type { Gateway, Service } from '../../cluster/kinds.ts'
import { meshLabels } from '../../cluster/mesh-labels.ts'
import { itemsIn } from '../inventory/by-namespace.ts'
import type { CheckContext } from './check.ts'
import { isManagedGateway, labelsOfNamespace, workloadsIn } from './targets.ts'

/** Something bound to a waypoint by its labels, or about to be. */
export interface Binding {
  readonly kind: string
  readonly name: string
  readonly namespace: string
  readonly of: 'service' | 'pod'
  readonly waypoint: string
  /** The waypoint's namespace. */
  readonly home: string
}

export function titleOf({ kind, name, namespace }: Binding): string {
  return kind === 'Namespace' ? `Namespace ${name}` : `${kind} ${namespace}/${name}`
}

/**
 * The namespace's own label, or what is planned for it, then those of services and pods. A namespace's
 * label binds services; for pods a waypoint that serves none is passed over in silence.
 */
export function bindingsIn(
  { snapshot, intent }: CheckContext,
  namespace: string,
): readonly Binding[] {
  const labels = labelsOfNamespace(snapshot, namespace)
  const planned = intent.namespaces.find((one) => one.namespace === namespace)?.waypoint
  const asked = { kind: 'Namespace', name: namespace, namespace, of: 'service' } as const
  const wide = bound(asked, {
    ...(planned && { [meshLabels.useWaypoint]: planned.name }),
    ...labels,
  })
  const services = itemsIn<Service>(snapshot, 'service', namespace)
    .filter((one) => !isManagedGateway(one))
    .flatMap(({ metadata }) =>
      bound({ kind: 'Service', name: metadata.name, namespace, of: 'service' }, metadata.labels),
    )
  const pods = workloadsIn(snapshot, namespace).flatMap(({ kind, object, labels }) =>
    bound({ kind, name: object.metadata.name, namespace, of: 'pod' }, labels),
  )
  return [...wide, ...services, ...pods]
}

function bound(
  what: Pick<Binding, 'kind' | 'name' | 'namespace' | 'of'>,
  labels: Readonly<Record<string, string>> = {},
): readonly Binding[] {
  const waypoint = labels[meshLabels.useWaypoint]
  if (waypoint === undefined || waypoint === '' || waypoint === 'none') return []
  const home = labels[meshLabels.useWaypointNamespace] ?? what.namespace
  return [{ ...what, waypoint, home }]
}

export function gatewayOf(
  { snapshot }: CheckContext,
  { waypoint, home }: Binding,
): Gateway | undefined {
  return itemsIn<Gateway>(snapshot, 'gateway', home).find(
    ({ metadata }) => metadata.name === waypoint,
  )
}
