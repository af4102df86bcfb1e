import { dirname } from 'node:path'
import type { JournalEntry, PodIdentity } from '../journal/entry.ts'
import { type CallRecord, type MigrationState, stateOf } from '../journal/state.ts'
import type { Execution } from '../result/execution.ts'
import type { Call } from '../result/plan.ts'
import { comparePods, identitiesIn } from './pods.ts'
import type { Run } from './run.ts'

const restartable = ['Deployment', 'StatefulSet', 'DaemonSet']

/** A rolling restart: nothing else that a plan does touches a workload. */
export function restartsWorkload({ verb, ref }: Call): boolean {
  return verb === 'patch' && ref.apiVersion === 'apps/v1' && restartable.includes(ref.kind)
}

export interface Ending {
  readonly outcome: Execution['outcome']
  readonly reason?: string
  readonly untried?: readonly string[]
}

/** What the journal and the pods say at the end. */
export async function executionOf(run: Run, ending: Ending): Promise<Execution> {
  const entries = run.journal.entries()
  const state = stateOf(entries)
  const { outcome, reason, untried = [] } = ending
  return {
    plan: run.plan.id,
    outcome,
    journal: dirname(run.journal.path),
    ...(reason !== undefined && { reason }),
    ...(untried.length > 0 && { untried: [...untried] }),
    steps: run.plan.steps.map(({ id }) => stepResult(id, state, entries)),
    pods: await podsResult(run, state),
  }
}

function stepResult(
  id: string,
  state: MigrationState,
  entries: readonly JournalEntry[],
): Execution['steps'][number] {
  const calls = state.calls.filter((call) => call.step === id && call.outcome !== 'not-done')
  const isBack = state.phase === 'rolling-back' || state.phase === 'rolled-back'
  const undone = isBack && calls.length > 0 && calls.every((call) => call.undone)
  const evidence = state.verified.get(id)
  const failed = state.failed?.step === id ? state.failed.reason : undefined
  const notes = calls.flatMap(({ undoNote }) => (undoNote === undefined ? [] : [undoNote]))
  const waits = state.skipped.get(id)
  const reason = failed ?? (notes.length > 0 ? notes.join('; ') : waits)
  return {
    id,
    outcome: undone
      ? 'undone'
      : failed !== undefined
        ? 'failed'
        : evidence !== undefined
          ? 'verified'
          : waits !== undefined
            ? 'skipped'
            : 'not-reached',
    durationMs: durationOf(id, entries),
    evidence: [...(evidence ?? [])],
    ...(reason !== undefined && { reason }),
  }
}

/** From its last beginning to its end, whoever ran it. */
function durationOf(id: string, entries: readonly JournalEntry[]): number {
  const begin = entries.findLast((one) => one.entry === 'step' && one.step === id)
  const end = entries.findLast(
    (one) => (one.entry === 'verified' || one.entry === 'failed') && one.step === id,
  )
  if (begin === undefined || end === undefined) return 0
  return Math.max(Date.parse(end.at) - Date.parse(begin.at), 0)
}

async function podsResult(run: Run, state: MigrationState): Promise<Execution['pods']> {
  const restarted = new Set(restartedWorkloads(state.calls))
  const converted = ({ namespace, workload }: PodIdentity): boolean =>
    workload !== undefined && restarted.has(`${namespace} ${workload}`)
  try {
    // Not the patient one: at the end of a run that failed, nobody waits for more.
    const now = await identitiesIn(run.client, namespacesOf(run))
    return comparePods(state.podsBefore, now, converted)
  } catch (error) {
    const what = `could not be read: ${error instanceof Error ? error.message : String(error)}`
    const before = state.podsBefore.filter(({ ended }) => !ended).length
    return { before, untouched: 0, converted: 0, others: [{ pod: 'all pods', what }] }
  }
}

/** As `shop Deployment cart`. */
function restartedWorkloads(calls: readonly CallRecord[]): readonly string[] {
  return calls
    .filter(({ call, outcome }) => outcome !== 'not-done' && restartsWorkload(call))
    .map(({ call }) => `${call.ref.namespace} ${call.ref.kind} ${call.ref.name}`)
}

export function namespacesOf({ plan }: Pick<Run, 'plan'>): readonly string[] {
  return plan.waves.length > 0 ? plan.waves.flat() : plan.options.namespaces
}
