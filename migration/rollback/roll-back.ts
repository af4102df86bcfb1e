import type { KubeObject } from '../../cluster/objects.ts'
import { awaitBudgets } from '../execute/budgets.ts'
import { nameOf, refOf, textOf } from '../execute/call.ts'
import { carryOut } from '../execute/carry-out.ts'
import { valueAt } from '../execute/changes.ts'
import { judge } from '../execute/look-up.ts'
import { StepFailure } from '../execute/refusal.ts'
import { executionOf, restartsWorkload } from '../execute/result.ts'
import { type Run, verifyContext } from '../execute/run.ts'
import { failureOf } from '../execute/steps.ts'
import { type CallRecord, stateOf } from '../journal/state.ts'
import type { Execution } from '../result/execution.ts'
import type { Plan, Step } from '../result/plan.ts'
import { inverseOf, lineageOf, type Recorded } from './inverse.ts'
import { type Undoing, undoingsOf } from './order.ts'
import { settleNamespace, settleWorkload } from './settle.ts'

export interface RollBackOptions {
  readonly holder: string
  readonly why: string
  readonly stopped: () => string | undefined
}

/** Takes back what the journal says this migration has changed, and nothing else. */
export async function rollBack(run: Run, options: RollBackOptions): Promise<Execution> {
  const { journal, plan } = run
  const { holder, why, stopped } = options
  try {
    if (stateOf(journal.entries()).phase !== 'rolling-back') {
      await journal.write({ entry: 'rollback', holder, why })
    }
    const { undoings, kept } = undoingsOf(stateOf(journal.entries()).calls, plan.steps)
    for (const { step, index, call } of kept) {
      const note = `${nameOf(call.ref)} keeps the pods it was restarted with`
      await journal.write({ entry: 'undone', step, index, note })
    }
    for (const undoing of undoings) {
      run.stop.throwIfAborted()
      await undo(run, undoing)
    }
    await journal.write({ entry: 'rolled-back' })
    return await executionOf(run, { outcome: 'rolled-back', reason: why })
  } catch (error) {
    const reason = stopped()
    if (reason !== undefined) {
      const then = 'run `meshbench migrate rollback` to finish taking it back'
      return executionOf(run, { outcome: 'interrupted', reason: `${reason}; ${then}` })
    }
    const failure = failureOf(error)
    if (failure === undefined) throw error
    await journal.write({ entry: 'rollback-failed', reason: failure.message })
    const both = `${why}; taking it back failed too: ${failure.message}`
    return executionOf(run, { outcome: 'rollback-failed', reason: both })
  }
}

async function undo(run: Run, { record, part, last }: Undoing): Promise<void> {
  const { journal, plan, reader } = run
  const step = stepOf(plan, record)
  const named = { step: record.step, index: record.index }
  const current = await reader.get<KubeObject>(refOf(record.call))
  const known = settled(record, current, plan.id)
  const lineage = lineageOf(stateOf(journal.entries()).calls)
  const inverse = inverseOf(known, current, plan.id, part, lineage)
  const notes = [...inverse.notes]
  let { remadeAs } = inverse
  if (inverse.call !== undefined) {
    const { call } = inverse
    if (restartsWorkload(call)) await awaitBudgets(run, step, call)
    await run.assertHeld()
    await run.emit({ event: 'call', step, text: `${textOf(call)} (taking ${record.step} back)` })
    await journal.write({ entry: 'undo', ...named, call })
    const restores = record.call.verb === 'delete'
    const meant = { call, restores, ...(current && { before: current }) }
    const made = await carryOut(run.carryOut, meant).catch((error: unknown) => {
      // Gone is gone: with its namespace, or by somebody else's hand.
      if (!(error instanceof StepFailure && error.kind === 'gone')) throw error
      notes.push(error.message)
      return undefined
    })
    if (restores) remadeAs = made?.metadata.uid
  }
  const { kind, name, namespace = '' } = record.call.ref
  if (kind === 'Namespace') await settleNamespace(verifyContext(run, step, settleMs), name)
  if (last && restartsWorkload(record.call)) {
    await settleWorkload(verifyContext(run, step, rolloutMs), record.call.ref, namespace)
  }
  for (const text of notes) await run.emit({ event: 'notice', text })
  if (!last) return
  await journal.write({
    entry: 'undone',
    ...named,
    ...(notes.length > 0 && { note: notes.join('; ') }),
    ...(remadeAs !== undefined && { remadeAs }),
  })
  const left = stateOf(journal.entries()).calls.filter(
    (one) => one.step === record.step && one.outcome !== 'not-done' && !one.undone,
  )
  if (left.length === 0) await run.emit({ event: 'step-undone', step })
}

const settleMs = 120_000
const rolloutMs = 600_000

/** What an undecided call has made, as far as the cluster can tell. */
function settled(record: CallRecord, current: KubeObject | undefined, planId: string): Recorded {
  const { call, before } = record
  if (record.outcome === 'done' || call.verb !== 'apply' || before === undefined) return record
  const { body } = call
  const meant = { call, before }
  if (current === undefined || judge(meant, current, planId).outcome === 'not-done') {
    return { call, before, after: before }
  }
  // Only fields that were sent: others may have changed by somebody else's hand since.
  return { call, before, after: withFieldsOf(before, current, body) }
}

function withFieldsOf(before: KubeObject, current: KubeObject, body: unknown): KubeObject {
  const take = (path: readonly string[], sent: unknown, from: unknown): unknown => {
    if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) {
      return valueAt(current, path)
    }
    const base = (typeof from === 'object' && from !== null ? from : {}) as Record<string, unknown>
    const taken = Object.entries(sent).map(([key, one]) => [
      key,
      take([...path, key], one, base[key]),
    ])
    return { ...base, ...Object.fromEntries(taken) }
  }
  return take([], body, before) as KubeObject
}

function stepOf(plan: Plan, { step }: CallRecord): Step {
  const found = plan.steps.find(({ id }) => id === step)
  if (found === undefined) throw new Error(`the journal names step ${step}, which the plan has not`)
  return found
}
