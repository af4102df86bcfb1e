import type { ClusterClient } from '../../cluster/client/types.ts'
import { type ClusterError, isConflict } from '../../cluster/errors.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { sendCall } from './call.ts'
import { lookUp, type Meant } from './look-up.ts'
import { attempts, isPassing, isUncertain, type Patience, patientReads } from './patience.ts'
import { refusalOf, StepFailure } from './refusal.ts'

export interface CarryOutContext {
  readonly client: ClusterClient
  readonly planId: string
  readonly patience: Patience
  readonly onRetry: (text: string) => void
}

/**
 * Carries a call out once, however often it has to be sent: whenever an answer was lost, the cluster is
 * asked first whether the call had arrived. Not to be interrupted: whoever wants to stop does so between
 * calls.
 * @throws StepFailure that is `undecided` when even that could not be found out; any other means that
 * the call was not carried out.
 */
export async function carryOut(
  context: CarryOutContext,
  meant: Meant,
): Promise<KubeObject | undefined> {
  const { client, planId, patience, onRetry } = context
  const reader = patientReads(client, patience, undefined, onRetry)
  const tries = attempts(patience, undefined, onRetry)
  let maybeArrived = false
  for (;;) {
    try {
      return await sendCall(client, meant.call, ownership(meant, planId))
    } catch (error) {
      maybeArrived ||= isUncertain(error)
      // An earlier attempt may be the very reason why a later one no longer fits.
      if (maybeArrived) {
        const found = await lookUp(reader, meant, planId).catch((trouble: unknown) => {
          const why = trouble instanceof StepFailure ? trouble : refusalOf(meant.call, trouble)
          if (!(why instanceof StepFailure)) throw why
          throw new StepFailure(why.kind, why.message, error, true)
        })
        if (found.outcome === 'done') return found.after
      }
      if (!isPassing(error) && !isRace(meant.call, error)) throw refusalOf(meant.call, error)
      await tries.again(error).catch(() => {
        throw refusalOf(meant.call, error)
      })
    }
  }
}

/** Others wrote to the object while the server applied a patch; its `test` operations stay in force. */
function isRace(call: Meant['call'], error: unknown): error is ClusterError {
  if (!isConflict(error) || (call.verb !== 'patch' && call.verb !== 'apply')) return false
  const { details } = error as ClusterError
  return !details?.causes?.some(({ reason }) => reason === 'FieldManagerConflict')
}

/** Tries a call without keeping what it does; a reason when the server would refuse it. */
export async function rehearseCall(
  context: CarryOutContext,
  meant: Meant,
): Promise<StepFailure | undefined> {
  const { client, planId, patience, onRetry } = context
  const patient = patientReads(client, patience, undefined, onRetry)
  try {
    await sendCall(patient, meant.call, { dryRun: true, ...ownership(meant, planId) })
    return undefined
  } catch (error) {
    const refusal = refusalOf(meant.call, error)
    if (refusal instanceof StepFailure) return refusal
    throw refusal
  }
}

/** What there was before stays its owner's. */
function ownership({ before, restores }: Meant, planId: string): { readonly owner?: string } {
  return before === undefined && !restores ? { owner: planId } : {}
}
