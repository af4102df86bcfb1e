import { meshLabels } from '../../../cluster/mesh-labels.ts'
import type { Call, Step } from '../../result/plan.ts'
import { waypointCall, waypointRef } from '../objects/waypoint.ts'
import { namespaceRef, type StepContext, step, unchangedPods, waits } from './context.ts'
import { type LabelPatch, type Labels, patchLabels } from './labels.ts'
import { accepted } from './policies.ts'

/** S5: there, ready, and without work until services are bound to it. */
export function deployWaypoint({ target, id }: StepContext, labels: Labels): readonly Step[] {
  const { namespace, waypoint } = target
  if (waypoint === undefined || waypoint.exists) return []
  const { name } = waypoint
  const revision = labels[meshLabels.revision]
  const ref = waypointRef(name, namespace)
  return [
    step({
      id: `S5/${namespace}`,
      phase: 'S5',
      title: `Start the waypoint ${namespace}/${name}; nothing goes through it yet`,
      namespace,
      why: 'A service bound to a waypoint that is not ready is reached past it, without L7 policy.',
      calls: [
        waypointCall({
          name,
          namespace,
          migration: id,
          ...(revision === undefined ? {} : { revision }),
        }),
      ],
      verify: [{ check: 'gateway-ready', namespace, ref, timeoutMs: waits.waypoint }],
      takenBack: 'the Gateway is deleted, if it is still the one we made',
    }),
  ]
}

/** S9: from here on ambient clients go through it. */
export function bindWaypoint(
  { target }: StepContext,
  labels: Labels,
  copies: readonly Call['ref'][],
): { readonly steps: readonly Step[]; readonly labels: Labels } {
  const { namespace, waypoint } = target
  if (waypoint === undefined) return { steps: [], labels }
  const changes = {
    [meshLabels.useWaypoint]: waypoint.name,
    ...(target.ingressUsesWaypoint ? { 'istio.io/ingress-use-waypoint': 'true' } : {}),
  }
  const patched: LabelPatch = patchLabels(namespaceRef(namespace), labels, changes)
  if (patched.call === undefined) return { steps: [], labels }
  const ref = namespaceRef(namespace)
  const bound = step({
    id: `S9/${namespace}`,
    phase: 'S9',
    title: `Bind the services of ${namespace} to the waypoint ${waypoint.name}`,
    namespace,
    why: 'Before the namespace turns ambient, so that no ambient pod is ever without its L7 policy. Sidecar clients skip waypoints; for them nothing changes.',
    calls: [patched.call],
    verify: [
      { check: 'labels', ref, labels: changes, timeoutMs: waits.label },
      { check: 'waypoint-bound', namespace, ref, timeoutMs: waits.policy },
      ...copies.map((copy) => accepted(copy, 'WaypointAccepted')),
      unchangedPods(namespace),
    ],
    takenBack: 'the label gets its former value, or goes',
  })
  return { steps: [bound], labels: patched.labels }
}
