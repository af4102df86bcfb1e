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
    const { conditions = [] } = (policy.status ?? {}) as { conditions?: readonly Condition[] }
    const found = conditions.find(({ type }) => type === wanted)
    if (found?.status !== 'True') {
      const why = found ? `${found.reason}, ${found.message}` : 'nothing is said of it'
      return { missing: `${nameOf(ref)} has not ${wanted}: ${why}` }
    }
    // True although some of several targets are not bound.
    if (found.reason === 'PartiallyInvalid') {
      return { missing: `${nameOf(ref)} is accepted in part only: ${found.message}` }
    }
    return { evidence: [`${nameOf(ref)}: ${wanted} True (${found.reason})`] }
  })
}
