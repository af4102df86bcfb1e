import { ClusterError } from '../../cluster/errors.ts'
import { kinds, type Namespace } from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import type { MigrationState } from '../journal/state.ts'
import type { Call, Step } from '../result/plan.ts'
import type { VerifyContext } from '../verify/context.ts'
import { verifyRolledOut } from '../verify/rolled-out.ts'
import { trafficIn } from '../verify/traffic.ts'
import { verifiers } from '../verify/verifiers.ts'
import { carriedIn } from '../verify/ztunnel-carries.ts'
import { awaitBudgets } from './budgets.ts'
import { nameOf, refOf, textOf } from './call.ts'
import { canariesOf } from './canary.ts'
import { carryOut } from './carry-out.ts'
import { type GateOptions, passGate } from './health-gate.ts'
import { lookUp } from './look-up.ts'
import { identitiesIn } from './pods.ts'
import { expired, StepFailure } from './refusal.ts'
import { unmetOf } from './requirements.ts'
import { namespacesOf, restartsWorkload } from './result.ts'
import { type Run, type StepBefore, verifyContext } from './run.ts'

/** Kubernetes itself gives a Deployment ten minutes before it calls it stuck. */
const rolloutMs = 600_000

/** Check, apply, verify, each of it in the journal. Leaves off between two calls when told to stop. */
export async function runStep(
  run: Run,
  step: Step,
  state: MigrationState,
  gate?: GateOptions,
): Promise<void> {
  const { journal, plan } = run
  const startedAtMs = performance.now()
  const number = plan.steps.indexOf(step) + 1
  await run.emit({ event: 'step-started', step, number, of: plan.steps.length })
  await assertNamespace(run, step)
  if (await skipped(run, step, state)) return

  const wantsPods = step.verify.some(({ check }) => check === 'pods-unchanged')
  const known = state.podsBeforeStep.get(step.id)
  const homes = step.namespace === undefined ? namespacesOf(run) : [step.namespace]
  const pods = known ?? (wantsPods ? await identitiesIn(run.reader, homes) : [])
  await journal.write({
    entry: 'step',
    step: step.id,
    ...(wantsPods && known === undefined && { pods: [...pods] }),
  })
  const carriedBefore = await countersBefore(run, step)
  const trafficBefore = await trafficCounted(run, step)
  for (const [index, call] of step.calls.entries()) {
    const record = state.calls.find((one) => one.step === step.id && one.index === index)
    if (record?.outcome === 'done') continue
    run.stop.throwIfAborted()
    if (restartsWorkload(call)) {
      await awaitRollouts(run, step, step.calls.slice(0, index))
      await awaitBudgets(run, step, call)
    }
    await runCall(run, step, index, call)
  }
  run.stop.throwIfAborted()
  const evidence = await verifyStep(run, step, {
    podsBefore: pods,
    carriedBefore,
    trafficBefore,
  })
  if (step.calls.some(restartsWorkload)) evidence.push(...(await passGate(run, step, gate)))
  await journal.write({ entry: 'verified', step: step.id, evidence })
  await run.emit({
    event: 'step-verified',
    step,
    evidence,
    durationMs: performance.now() - startedAtMs,
  })
}

/** Its time has not come yet. Once a call of it was sent it is carried on, whatever has changed since. */
async function skipped(run: Run, step: Step, { calls }: MigrationState): Promise<boolean> {
  const begun = calls.some((one) => one.step === step.id && one.outcome !== 'not-done')
  if (step.requires === undefined || begun) return false
  const unmet = await unmetOf(run, step.requires)
  if (unmet === undefined) return false
  await run.journal.write({ entry: 'skipped', step: step.id, reason: unmet })
  await run.emit({ event: 'step-skipped', step, reason: unmet })
  return true
}

/** So that what is counted later is surely new. */
async function countersBefore(run: Run, step: Step): Promise<VerifyContext['carriedBefore']> {
  const wants = step.verify.some(({ check }) => check === 'ztunnel-carries')
  if (!wants || step.namespace === undefined) return undefined
  return carriedIn(run.client, step.namespace, run.stop)
}

async function trafficCounted(run: Run, step: Step): Promise<VerifyContext['trafficBefore']> {
  const wants = step.verify.some(({ check }) => check === 'traffic-holds')
  if (!wants || step.namespace === undefined) return undefined
  return trafficIn(run.client, step.namespace, run.stop)
}

/** One workload at a time: the one before serves again before the next is touched. */
async function awaitRollouts(run: Run, step: Step, before: readonly Call[]): Promise<void> {
  for (const { ref } of before.filter(restartsWorkload)) {
    const verification = { check: 'rolled-out', ref, timeoutMs: rolloutMs } as const
    await verifyRolledOut(verification, verifyContext(run, step, rolloutMs))
  }
}

async function runCall(run: Run, step: Step, index: number, call: Call): Promise<void> {
  const { journal } = run
  await run.assertHeld()
  await run.emit({ event: 'call', step, text: textOf(call) })
  const before = await run.reader.get<KubeObject>(refOf(call))
  const named = { step: step.id, index }
  await journal.write({ entry: 'call', ...named, call, ...(before && { before }) })
  try {
    const after = await carryOut(run.carryOut, { call, ...(before && { before }) })
    await journal.write({ entry: 'called', ...named, ...(after && { after }) })
  } catch (error) {
    if (error instanceof StepFailure && !error.undecided) {
      await journal.write({ entry: 'not-called', ...named, why: error.message })
    }
    throw error
  }
}

/** The call that a crash has left open, before anything else is done. */
export async function decide(run: Run, state: MigrationState): Promise<void> {
  const { undecided } = state
  if (undecided === undefined) return
  const { step, index, call, before } = undecided
  const meant = { call, ...(before && { before }) }
  const found = await lookUp(run.reader, meant, run.plan.id)
  const what = `${textOf(call)} of ${step}`
  if (found.outcome === 'done') {
    const { after } = found
    await run.journal.write({ entry: 'called', step, index, ...(after && { after }) })
    await run.emit({ event: 'notice', text: `${what} had been carried out` })
  } else {
    const why = 'it had not been carried out when the last run ended'
    await run.journal.write({ entry: 'not-called', step, index, why })
    await run.emit({ event: 'notice', text: `${what} had not been carried out` })
  }
}

async function verifyStep(run: Run, step: Step, before: StepBefore): Promise<string[]> {
  const evidence: string[] = []
  for (const verification of step.verify) {
    const canaries = canariesOf(run, step.id)
    const context = { ...verifyContext(run, step, verification.timeoutMs, before), canaries }
    evidence.push(...(await verifiers[verification.check](verification, context)))
  }
  return evidence
}

/** A namespace that is being deleted takes everything with it: nothing more is done in it. */
async function assertNamespace(run: Run, { namespace }: Step): Promise<void> {
  if (namespace === undefined) return
  const ref = { ...kinds.namespace, name: namespace }
  const found = await run.reader.get<Namespace>(ref)
  if (found === undefined) throw new StepFailure('gone', `${nameOf(ref)} is not there any more`)
  if (found.metadata.deletionTimestamp !== undefined || found.status?.phase === 'Terminating') {
    throw new StepFailure('gone', `${nameOf(ref)} is being deleted`)
  }
}

/** Errors of the cluster that nobody has put into words yet. */
export function failureOf(error: unknown): StepFailure | undefined {
  if (error instanceof StepFailure) return error
  if (!(error instanceof ClusterError)) return undefined
  const { status, message } = error
  if (status === 401) return expired(error)
  const passing = status === 429 || (status ?? 500) >= 500
  return new StepFailure(passing ? 'unanswered' : 'refused', message, error)
}
