import { wantsSidecar } from '../../cluster/controllers/injection.ts'
import { nameOf } from '../execute/call.ts'
import { workloadOf } from '../execute/pods.ts'
import { StepFailure } from '../execute/refusal.ts'
import type { Call } from '../result/plan.ts'
import { some, untilProved, type VerifyContext } from '../verify/context.ts'
import { hasSidecar, isPlaced, membershipOf, podsIn } from '../verify/pods.ts'
import { verifyRolledOut } from '../verify/rolled-out.ts'

/**
 * Until every pod is where its labels want it: what is taken back next may be what the pods needed on
 * the way. A namespace that is gone needs nothing.
 */
export async function settleNamespace(context: VerifyContext, namespace: string): Promise<void> {
  await untilProved(context, async () => {
    const { labels, pods } = await podsIn(context.client, namespace)
    const pending = pods
      .filter(isPlaced)
      .filter((pod) => membershipOf(pod, labels, context.liveTakeover) === 'pending')
      .map(({ metadata }) => metadata.name)
    if (pending.length > 0) return { missing: `pods are still changing over: ${some(pending)}` }
    return { evidence: [] }
  })
}

/** Rolled out again, with the sidecars that its namespace asks for. */
export async function settleWorkload(
  context: VerifyContext,
  ref: Call['ref'],
  namespace: string,
): Promise<void> {
  try {
    await verifyRolledOut({ check: 'rolled-out', ref, timeoutMs: context.timeoutMs }, context)
  } catch (error) {
    // Its owner has deleted it meanwhile.
    if (error instanceof StepFailure && error.kind === 'gone') return
    throw error
  }
  await untilProved(context, async () => {
    const { labels, pods } = await podsIn(context.client, namespace)
    const without = pods
      .filter(({ metadata }) => workloadOf(metadata) === `${ref.kind} ${ref.name}`)
      .filter((pod) => !hasSidecar(pod) && wantsSidecar(pod, labels))
      .map(({ metadata }) => metadata.name)
    if (without.length > 0) {
      return { missing: `${nameOf(ref)} has pods without a sidecar again: ${some(without)}` }
    }
    return { evidence: [] }
  })
}
