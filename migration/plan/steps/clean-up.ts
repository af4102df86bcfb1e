import {
  type HttpRoute,
  parentsOf,
  type VirtualService,
} from '../../../cluster/mesh/istio-objects.ts'
import type { KubeObject } from '../../../cluster/objects.ts'
import { itemsIn } from '../../inventory/by-namespace.ts'
import { admittingWaypoint, narrowedToSidecars } from '../../policy/change-policy.ts'
import { type Treatment, twinsOf } from '../../policy/treatment.ts'
import { gitOpsMarks } from '../../preflight/managers.ts'
import type { Call, Requirement, Step } from '../../result/plan.ts'
import { readable } from '../mesh.ts'
import { type Attachable, isForSidecarsOnly, nameOf } from '../selection.ts'
import type { Treated } from '../treated.ts'
import { type StepContext, step, unchangedPods, waits } from './context.ts'
import { principalOf } from './policies.ts'

/** Long enough for what depends on it to call; each proxy is asked at its beginning and its end. */
const watchedMs = 10_000

/** An object that nobody enforces or applies any more, as it will be by then. */
interface Outlived {
  readonly object: KubeObject
  readonly spec: unknown
  /** What the waypoint has in its place. */
  readonly twins: readonly Call['ref'][]
}

/**
 * S12, only with --clean-up: deletes what sidecars alone went by. It belongs to the user, so it goes only
 * as the plan saw it, once the last sidecar is gone and the waypoint enforces what takes its place.
 */
export function cleanUp(
  context: StepContext,
  treated: Treated,
  copies: readonly Call['ref'][],
): readonly Step[] {
  if (context.intent.options.cleanUp !== true || context.target.waypoint === undefined) return []
  const { namespace } = context.target
  const outlived = [
    ...policiesOutlived(context, treated.policies, copies),
    ...routesOutlived(context),
  ]
  const kept = outlived.filter(({ object }) => gitOpsMarks(object).length > 0)
  const going = outlived.filter((one) => !kept.includes(one))
  if (going.length === 0) return []
  const twins = distinct(going.flatMap((one) => one.twins))
  const names = going.map(({ object }) => nameOf(object)).join(', ')
  const left = kept.map(
    ({ object }) =>
      ` ${nameOf(object)} is left: ${gitOpsMarks(object).join(', ')} would bring it back, delete it there.`,
  )
  return [
    step({
      id: `S12/${namespace}`,
      phase: 'S12',
      title: `Delete what only sidecars went by: ${names}`,
      namespace,
      why: `Without a sidecar in ${namespace} or among its callers nobody reads them any more. Until then this step is skipped, and \`migrate apply\` finishes it later.${left.join('')}`,
      requires: [
        { check: 'no-sidecars', namespace },
        { check: 'no-sidecar-callers', namespace },
        ...twins.map(
          (ref): Requirement => ({ check: 'policy-accepted', ref, condition: 'WaypointAccepted' }),
        ),
        ...going.map(
          ({ object, spec }): Requirement => ({
            check: 'unchanged',
            ref: refOf(object),
            fields: { 'metadata.uid': object.metadata.uid ?? null, spec: spec ?? null },
          }),
        ),
      ],
      calls: going.map(deletion),
      verify: [
        ...twins.map((ref) => ({
          check: 'policy-accepted' as const,
          ref,
          condition: 'WaypointAccepted',
          timeoutMs: waits.policy,
        })),
        { check: 'traffic-holds', namespace, timeoutMs: watchedMs },
        unchangedPods(namespace),
      ],
      takenBack: 'they are made anew from the journal, without resourceVersion, uid and status',
    }),
  ]
}

/** Narrowed to sidecars by S8 or by an earlier migration, and enforced by the waypoint instead. */
function policiesOutlived(
  { snapshot, intent, target }: StepContext,
  policies: readonly Treatment[],
  copies: readonly Call['ref'][],
): readonly Outlived[] {
  const { namespace, waypoint } = target
  const all = readable(() => snapshot.items<Attachable>('authorizationPolicy'))
  const planned = copies.filter(({ kind }) => kind === 'AuthorizationPolicy')
  return policies
    .filter(({ policy }) => policy.metadata.namespace === namespace)
    .flatMap(({ policy, narrowed, admitsWaypoint, copiedTo, hasTwin }): Outlived[] => {
      const twins = twinsOf<Attachable>(policy, all, namespace).map(refOf)
      const gone = narrowed
        ? copiedTo !== undefined || hasTwin
        : isForSidecarsOnly(policy) && hasTwin
      if (!gone) return []
      if (!narrowed) return [{ object: policy, spec: policy.spec, twins }]
      const principal = principalOf(intent.trustDomain, namespace, waypoint?.serviceAccount ?? '')
      const admitted = admitsWaypoint ? admittingWaypoint(policy, principal) : policy.spec
      const spec = narrowedToSidecars(admitted)
      return [{ object: policy, spec, twins: hasTwin ? twins : planned }]
    })
}

/** VirtualServices within the mesh whose every host has an HTTPRoute, which waypoints go by instead. */
function routesOutlived({ snapshot, target }: StepContext): readonly Outlived[] {
  const { namespace } = target
  const routed = new Set(
    readable(() => snapshot.items<HttpRoute>('httpRoute')).flatMap((route) =>
      parentsOf(route)
        .filter(({ kind }) => kind === 'Service')
        .map((parent) => `${parent.namespace ?? route.metadata.namespace}/${parent.name}`),
    ),
  )
  return readable(() => itemsIn<VirtualService>(snapshot, 'virtualService', namespace))
    .filter(({ spec }) => {
      const { hosts = [], gateways = ['mesh'] } = spec ?? {}
      const inMesh = gateways.length === 1 && gateways[0] === 'mesh'
      return (
        inMesh && hosts.length > 0 && hosts.every((host) => routed.has(serviceOf(host, namespace)))
      )
    })
    .map((object) => ({ object, spec: object.spec, twins: [] }))
}

/** `cart`, `cart.shop`, `cart.shop.svc.cluster.local`: `shop/cart`. */
function serviceOf(host: string, home: string): string {
  const [name = '', namespace = home] = host.split('.')
  return `${namespace}/${name}`
}

function deletion({ object, spec }: Outlived): Call {
  const { apiVersion, kind, metadata } = object
  const { name, namespace, labels, annotations } = metadata
  return {
    verb: 'delete',
    ref: refOf(object),
    uid: metadata.uid ?? '',
    object: {
      apiVersion,
      kind,
      metadata: { name, namespace, ...(labels && { labels }), ...(annotations && { annotations }) },
      spec,
    },
  }
}

function refOf({ apiVersion, kind, metadata }: KubeObject): Call['ref'] {
  const { name, namespace = 'default' } = metadata
  return { apiVersion, kind, name, namespace }
}

function distinct(refs: readonly Call['ref'][]): readonly Call['ref'][] {
  const known = new Map(refs.map((ref) => [`${ref.kind}/${ref.namespace}/${ref.name}`, ref]))
  return [...known.values()]
}
