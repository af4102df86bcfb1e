import type { ClusterClient } from '../../cluster/client/types.ts'
import { MigrationError } from '../errors.ts'
import { journalVersion } from '../journal/entry.ts'
import { journalPath, migrationFolder, savePlan } from '../journal/folder.ts'
import { readJournal } from '../journal/read.ts'
import { type MigrationState, stateOf } from '../journal/state.ts'
import { openJournal } from '../journal/write.ts'
import type { Execution } from '../result/execution.ts'
import type { Plan, Step } from '../result/plan.ts'
import { rollBack } from '../rollback/roll-back.ts'
import { takesOverLive } from '../verify/pods.ts'
import { assertDriftless, assertJournal, assertPlan } from './assertions.ts'
import { removeCanaries } from './canary.ts'
import { clusterId } from './cluster-id.ts'
import { dryRunAll, stepNamed } from './dry-run.ts'
import { newHolder, takeLeases } from './lease.ts'
import { patientReads, usualPatience } from './patience.ts'
import { identitiesIn } from './pods.ts'
import { executionOf, namespacesOf } from './result.ts'
import { type ApplyOptions, type Run, runOf } from './run.ts'
import { decide, failureOf, runStep } from './steps.ts'
import { stopper } from './stopper.ts'

/**
 * Carries out a plan, or what is left of it after a crash, a pause or a failure: the journal in
 * `<journalDirectory>/<plan id>/` tells. Nothing is changed unless the cluster is as the plan saw it,
 * nobody else migrates the namespaces, and the server accepts every call in a dry run.
 */
export async function applyPlan(
  client: ClusterClient,
  plan: Plan,
  options: ApplyOptions,
): Promise<Execution> {
  const { journalDirectory, patience = usualPatience, leaseDurationMs } = options
  assertPlan(plan, options)
  const folder = migrationFolder(journalDirectory, plan.id)
  const path = journalPath(folder)
  const reader = patientReads(client, patience, options.signal)
  const cluster = await clusterId(reader)
  const known = stateOf((await readJournal(path)).entries)
  assertJournal(known, plan, cluster)
  const liveTakeover = await takesOverLive(reader)
  const holder = newHolder()
  const lease = await takeLeases({
    client,
    namespaces: namespacesOf({ plan }),
    planId: plan.id,
    holder,
    patience,
    ...(leaseDurationMs !== undefined && { durationMs: leaseDurationMs }),
  })
  const stop = stopper(options.signal, lease)
  try {
    const journal = await openJournal(path)
    try {
      const run = runOf({
        client,
        plan,
        journal,
        options,
        liveTakeover,
        lease,
        stop: stop.signal,
      })
      return await carryOn(run, { ...options, holder, folder, cluster, stopped: stop.why })
    } finally {
      await journal.close()
    }
  } finally {
    stop.end()
    await lease.release()
  }
}

interface CarryOn extends ApplyOptions {
  readonly holder: string
  readonly folder: string
  readonly cluster: string | undefined
  readonly stopped: () => string | undefined
}

async function carryOn(run: Run, options: CarryOn): Promise<Execution> {
  await removeCanaries(run)
  const state = stateOf(run.journal.entries())
  if (state.phase === 'finished' && state.skipped.size === 0) {
    return executionOf(run, { outcome: 'finished' })
  }
  const untried: string[] = []
  let current: Step | undefined
  try {
    untried.push(...(await begin(run, state, options)))
    const pause = options.pauseAfter && stepNamed(run.plan.steps, options.pauseAfter)
    for (const step of run.plan.steps) {
      current = step
      const now = stateOf(run.journal.entries())
      if (now.verified.has(step.id)) continue
      run.stop.throwIfAborted()
      await runStep(run, step, now, options.gate)
      if (step === pause && step !== run.plan.steps.at(-1)) {
        await run.journal.write({ entry: 'paused', step: step.id })
        return await executionOf(run, { outcome: 'paused', untried })
      }
    }
    await run.journal.write({ entry: 'finished' })
    return await executionOf(run, { outcome: 'finished', untried })
  } catch (error) {
    const reason = options.stopped()
    if (reason !== undefined) return executionOf(run, { outcome: 'interrupted', reason, untried })
    const failure = failureOf(error)
    // Before the first step nothing was done: that is for the caller to say.
    if (failure === undefined || current === undefined)
      throw failure ? refusedEarly(failure) : error
    const { kind, message } = failure
    if (kind === 'credentials' || kind === 'unanswered') {
      return executionOf(run, { outcome: 'interrupted', reason: message, untried })
    }
    await run.journal.write({ entry: 'failed', step: current.id, reason: message })
    await run.emit({ event: 'step-failed', step: current, reason: message })
    if (options.rollbackOnFailure) return rollBack(run, { ...options, why: message })
    return executionOf(run, { outcome: 'failed', reason: message, untried })
  }
}

/** Everything that must hold before the first call; gives the calls that could not be tried. */
async function begin(
  run: Run,
  state: MigrationState,
  { readDrift, accept = [], holder, folder, cluster }: CarryOn,
): Promise<readonly string[]> {
  const { plan, journal } = run
  const resumed = state.phase === 'resumable' || state.phase === 'finished'
  if (resumed) await decide(run, state)
  const decided = resumed ? stateOf(journal.entries()) : state
  // What is left looks for itself whether it still fits: rollouts since then are what it waits for.
  const left = plan.steps.filter(({ id }) => !decided.verified.has(id))
  const looks = left.every(({ requires = [] }) => requires.length > 0)
  if (!resumed || !looks) assertDriftless(await readDrift(), resumed ? decided : undefined, accept)
  const untried = await dryRunAll(run, resumed ? decided : { ...state, calls: [] })
  for (const call of untried)
    await run.emit({ event: 'notice', text: `not tried beforehand: ${call}` })
  const pods = [...(await identitiesIn(run.reader, namespacesOf(run)))]
  if (resumed) {
    await journal.write({ entry: 'resumed', holder })
    // It ended before its pods were written down, so nothing was done to them either.
    const unwritten = decided.podsBefore.length === 0 && decided.calls.length === 0
    if (unwritten || state.phase === 'finished') await journal.write({ entry: 'pods', pods })
    return untried
  }
  await savePlan(folder, plan)
  await journal.write({
    entry: 'started',
    journalVersion,
    plan: plan.id,
    hash: plan.basis.hash,
    holder,
    namespaces: [...namespacesOf(run)],
    ...(cluster !== undefined && { cluster }),
  })
  await journal.write({ entry: 'pods', pods })
  return untried
}

function refusedEarly(failure: Error): MigrationError {
  return new MigrationError(`the migration could not begin: ${failure.message}`, {
    code: 'MIGRATION_NOT_BEGUN',
    hint: 'Nothing was changed. Settle what the message says and run it again.',
    exitCode: 5,
    cause: failure,
  })
}
