import type { ClusterClient } from '../../cluster/client/types.ts'
import { ClusterError } from '../../cluster/errors.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { inParallel } from '../inventory/in-parallel.ts'
import type { DryRun } from '../preflight/check.ts'
import type { Call, Step } from '../result/plan.ts'
import { canaryCall, canaryPod } from '../verify/canary-pod.ts'
import { nameOf, refOf } from './call.ts'
import { type CarryOutContext, rehearseCall } from './carry-out.ts'
import { patientReads, usualPatience } from './patience.ts'
import { refusalOf, StepFailure } from './refusal.ts'

/** As many as one client may send at once without being throttled by API priority and fairness. */
const WIDTH = 6

export interface Tried {
  readonly step: string
  readonly call: Call
  /** Absent when the server would carry it out. */
  readonly refusal?: StepFailure
  /** The step that makes or changes the object first: then a refusal proves nothing. */
  readonly after?: string
}

export interface Trying {
  readonly reader: ClusterClient
  readonly carryOut: CarryOutContext
  readonly stop?: AbortSignal
}

/** Every call of the steps with dryRun=All, but those that are done; and the canaries of their proofs. */
export async function tryCalls(
  { reader, carryOut, stop }: Trying,
  steps: readonly Step[],
  isDone: (step: string, index: number) => boolean = () => false,
): Promise<readonly Tried[]> {
  const touched = new Map<string, string>()
  const open: Omit<Tried, 'refusal'>[] = []
  for (const { id: step, calls, verify } of steps) {
    // A canary says of itself which mesh it belongs to: whether it may be there does not depend on steps.
    for (const { image, namespace } of verify) {
      if (image === undefined || namespace === undefined || touched.has(canaryIn(namespace)))
        continue
      touched.set(canaryIn(namespace), step)
      const name = 'meshbench-canary'
      const call = canaryCall(canaryPod({ name, namespace, planId: '', image, targets: [] }))
      open.push({ step, call })
    }
    for (const [index, call] of calls.entries()) {
      if (isDone(step, index)) continue
      const name = nameOf(call.ref)
      const after = touched.get(name) ?? touched.get(`Namespace ${call.ref.namespace}`)
      touched.set(name, step)
      open.push({ step, call, ...(after !== undefined && { after }) })
    }
  }
  return inParallel(
    open,
    WIDTH,
    async (one): Promise<Tried> => {
      const refusal = await tryCall(reader, carryOut, one.call)
      return refusal === undefined ? one : { ...one, refusal }
    },
    stop,
  )
}

function canaryIn(namespace: string): string {
  return `canary of ${namespace}`
}

async function tryCall(
  reader: ClusterClient,
  carryOut: CarryOutContext,
  call: Call,
): Promise<StepFailure | undefined> {
  let before: KubeObject | undefined
  try {
    before = await reader.get<KubeObject>(refOf(call))
  } catch (error) {
    const refusal = refusalOf(call, error)
    if (refusal instanceof StepFailure && refusal.kind === 'refused') return refusal
    throw error
  }
  return rehearseCall(carryOut, { call, ...(before && { before }) })
}

/** What the server says to the steps of a plan that is being made: MB022. */
export async function dryRunsOf(
  client: ClusterClient,
  steps: readonly Step[],
  planId: string,
  signal?: AbortSignal,
  onRetry: (text: string) => void = () => undefined,
): Promise<readonly DryRun[]> {
  const patience = usualPatience
  const reader = patientReads(client, patience, signal, onRetry)
  const carryOut = { client, planId, patience, onRetry }
  const tried = await tryCalls({ reader, carryOut, ...(signal && { stop: signal }) }, steps)
  return tried.map(({ step, call, refusal, after }): DryRun => {
    const { namespace } = call.ref
    const about = { step, resource: nameOf(call.ref), ...(namespace && { namespace }) }
    if (refusal === undefined) return about
    if (refusal.kind === 'unanswered' || refusal.kind === 'credentials') throw refusal.cause
    if (after !== undefined) return { ...about, after }
    return { ...about, refused: refusal.message, ...(isDenied(refusal) && { denied: true }) }
  })
}

/** By the authorizer; admission plugins answer 403 as well (kubernetes apiserver/pkg/endpoints/handlers/responsewriters/errors.go). */
function isDenied({ cause }: StepFailure): boolean {
  return (
    cause instanceof ClusterError &&
    cause.status === 403 &&
    /\bcannot \w+ resource\b/.test(cause.message)
  )
}
