import { admittingWaypoint, narrowedToSidecars, type Spec } from '../../policy/change-policy.ts'
import type { Treatment } from '../../policy/treatment.ts'
import type { Call, Step } from '../../result/plan.ts'
import { objectCopies, policyCopies } from '../objects/copies.ts'
import type { Treated } from '../treated.ts'
import { type StepContext, step, waits } from './context.ts'

export interface PolicySteps {
  readonly steps: readonly Step[]
  /** Made in S7: accepted once the waypoint is bound. */
  readonly copies: readonly Call['ref'][]
}

/** S6, S7, S8: the waypoint is let through, has its copies, and only then do ztunnels lose theirs. */
export function policySteps(context: StepContext, treated: Treated): PolicySteps {
  const { namespace, waypoint } = context.target
  if (waypoint === undefined) return { steps: [], copies: [] }
  const principal = principalOf(context.intent.trustDomain, namespace, waypoint.serviceAccount)
  const copies = copyCalls(context, waypoint.name, treated)
  return {
    steps: [
      ...admit(namespace, principal, treated.policies),
      ...copy(namespace, waypoint.name, copies),
      ...narrow(namespace, principal, treated.policies),
    ],
    copies: copies
      .map(({ ref }) => ref)
      .filter(({ kind }) => kind === 'AuthorizationPolicy' || kind === 'RequestAuthentication'),
  }
}

/** As policies write it: without `spiffe://`. */
export function principalOf(trustDomain: string, namespace: string, account: string): string {
  return `${trustDomain}/ns/${namespace}/sa/${account}`
}

function admit(
  namespace: string,
  principal: string,
  policies: readonly Treatment[],
): readonly Step[] {
  const calls = policies
    .filter(({ admitsWaypoint }) => admitsWaypoint)
    .map(({ policy }) =>
      specPatch(policy, policy.spec, admittingWaypoint(policy, principal), 'rules'),
    )
  if (calls.length === 0) return []
  return [
    step({
      id: `S6/${namespace}`,
      phase: 'S6',
      title: `Let the waypoint pass the policies of ${namespace} that ask who calls`,
      namespace,
      why: `Behind a waypoint the caller of a pod is ${principal}; the waypoint itself judges the client. Without this, bound services answer 503.`,
      calls,
      verify: calls.map(({ ref }) => accepted(ref, 'ZtunnelAccepted')),
      takenBack: 'the policies get their former rules',
    }),
  ]
}

function copy(namespace: string, waypoint: string, calls: readonly Call[]): readonly Step[] {
  if (calls.length === 0) return []
  return [
    step({
      id: `S7/${namespace}`,
      phase: 'S7',
      title: `Give the waypoint ${waypoint} its own copies of ${calls.length === 1 ? 'a policy' : `${calls.length} policies`}`,
      namespace,
      why: 'A waypoint reads only what names it or its services in targetRefs; sidecars ignore such objects, so that nothing changes yet.',
      calls: [...calls],
      verify: [],
      takenBack: 'the copies are deleted, as long as they are ours',
    }),
  ]
}

function narrow(
  namespace: string,
  principal: string,
  policies: readonly Treatment[],
): readonly Step[] {
  const calls = policies
    .filter(({ narrowed }) => narrowed)
    .map(({ policy, admitsWaypoint }) => {
      const now = admitsWaypoint ? admittingWaypoint(policy, principal) : policy.spec
      return specPatch(policy, now, narrowedToSidecars(now), 'selector')
    })
  if (calls.length === 0) return []
  return [
    step({
      id: `S8/${namespace}`,
      phase: 'S8',
      title: `Leave policies that need HTTP to the sidecars of ${namespace}`,
      namespace,
      why: 'A ztunnel would enforce something else than they say. Their selectors get the label that only pods with a sidecar carry, so that those keep them until they are gone.',
      calls,
      verify: calls.map(({ ref }) => accepted(ref, 'ZtunnelAccepted')),
      takenBack: 'the policies get their former selectors',
    }),
  ]
}

export function accepted(ref: Call['ref'], condition: string): Step['verify'][number] {
  return { check: 'policy-accepted', ref, condition, timeoutMs: waits.policy }
}

/** Changes one part of a spec, if all of it is as the plan saw it. */
function specPatch(
  { apiVersion, kind, metadata }: Treatment['policy'],
  from: Spec | undefined,
  to: Spec,
  part: 'rules' | 'selector',
): Call {
  const ref = { apiVersion, kind, name: metadata.name, namespace: metadata.namespace ?? 'default' }
  if (from === undefined) {
    return { verb: 'patch', ref, patch: [{ op: 'add', path: '/spec', value: to }] }
  }
  return {
    verb: 'patch',
    ref,
    patch: [
      { op: 'test', path: '/spec', value: from },
      { op: from[part] === undefined ? 'add' : 'replace', path: `/spec/${part}`, value: to[part] },
    ],
  }
}

function copyCalls(context: StepContext, waypoint: string, treated: Treated): readonly Call[] {
  const taken = new Set(treated.taken)
  const { namespace } = context.target
  const place = { namespace, waypoint, migration: context.id, taken }
  const making = [
    ...treated.policies.map((one) => () => policyCopies(one, place)),
    ...[...treated.authentications, ...treated.extensions].map(
      ({ object, copiedTo }) =>
        () =>
          copiedTo === undefined ? [] : objectCopies(object, copiedTo, place),
    ),
  ]
  return making.flatMap((make) => {
    const calls = make()
    for (const { ref } of calls) taken.add(`${ref.kind}/${ref.name}`)
    return calls
  })
}
