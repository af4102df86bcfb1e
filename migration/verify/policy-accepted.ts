import type { Condition, KubeObject } from '../../cluster/objects.ts'
import { nameOf } from '../execute/call.ts'
import { StepFailure } from '../execute/refusal.ts'
import { refIn, untilProved, type Verifier } from './context.ts'

export const verifyPolicyAccepted: Verifier = (verification, context) => {
  const ref = refIn(verification)
  const wanted = verification.condition ?? 'WaypointAccepted'
  return untilProved(context, async () => {
    const { apiVersion, kind, name, namespace = 'default' } = ref
    const policy = await context.client.get<KubeObject>({ apiVersion, kind, name, namespace })
    if (policy === undefined) throw new StepFailure('gone', `${nameOf(ref)} is not there any more`)
    const { accepted, why } = conditionOf(policy, wanted)
    if (!accepted) return { missing: `${nameOf(ref)} has not ${wanted}: ${why}` }
    return { evidence: [`${nameOf(ref)}: ${wanted} True (${why})`] }
  })
}

/** Pure. */
export function conditionOf(
  { status }: KubeObject,
  wanted: string,
): { readonly accepted: boolean; readonly why: string } {
  const { conditions = [] } = (status ?? {}) as { conditions?: readonly Condition[] }
  const found = conditions.find(({ type }) => type === wanted)
  if (found === undefined) return { accepted: false, why: 'nothing is said of it' }
  const { reason = '', message = '' } = found
  if (found.status !== 'True') return { accepted: false, why: `${reason}, ${message}` }
  // True although some of several targets are not bound.
  if (reason === 'PartiallyInvalid') {
    return { accepted: false, why: `it is accepted in part only: ${message}` }
  }
  return { accepted: true, why: reason }
}
