import type { AuthorizationPolicy } from '../../cluster/mesh/istio-objects.ts'
import type { Condition, KubeObject } from '../../cluster/objects.ts'
import { nameOf } from '../execute/call.ts'
import { StepFailure } from '../execute/refusal.ts'
import { refIn, untilProved, type Verifier } from './context.ts'
import { ztunnelsHold } from './ztunnel-holds.ts'

export const verifyPolicyAccepted: Verifier = (verification, context) => {
  const ref = refIn(verification)
  const wanted = verification.condition ?? 'WaypointAccepted'
  return untilProved(context, async () => {
    const { apiVersion, kind, name, namespace = 'default' } = ref
    const policy = await context.client.get<KubeObject>({ apiVersion, kind, name, namespace })
    if (policy === undefined) throw new StepFailure('gone', `${nameOf(ref)} is not there any more`)
    const { accepted, why } = conditionOf(policy, wanted)
    if (!accepted) return { missing: `${nameOf(ref)} has not ${wanted}: ${why}` }
    const said = `${nameOf(ref)}: ${wanted} True (${why})`
    if (wanted !== 'ZtunnelAccepted') return { evidence: [said] }
    const held = await ztunnelsHold(context, policy as AuthorizationPolicy)
    return 'missing' in held ? held : { evidence: [[said, ...held.evidence].join('; ')] }
  })
}

/** Pure. */
export function conditionOf(
  { metadata, status }: KubeObject,
  wanted: string,
): { readonly accepted: boolean; readonly why: string } {
  const { conditions = [] } = (status ?? {}) as { conditions?: readonly Condition[] }
  const found = conditions.find(({ type }) => type === wanted)
  if (found === undefined) return { accepted: false, why: 'nothing is said of it' }
  const { reason = '', message = '', observedGeneration = 0 } = found
  const { generation = 0 } = metadata
  // It says True of what the policy was before the step, too.
  if (observedGeneration > 0 && observedGeneration < generation) {
    return { accepted: false, why: `that is said of an earlier version of it, ${reason}` }
  }
  if (found.status !== 'True') return { accepted: false, why: `${reason}, ${message}` }
  // True although some of several targets are not bound.
  if (reason === 'PartiallyInvalid') {
    return { accepted: false, why: `it is accepted in part only: ${message}` }
  }
  return { accepted: true, why: reason }
}
