import type { ClusterClient } from '../../cluster/client/types.ts'
import { MigrationError } from '../errors.ts'
import { assertSameCluster } from '../execute/assertions.ts'
import { removeCanaries } from '../execute/canary.ts'
import { clusterId } from '../execute/cluster-id.ts'
import { newHolder, takeLeases } from '../execute/lease.ts'
import { patientReads, usualPatience } from '../execute/patience.ts'
import { executionOf, namespacesOf } from '../execute/result.ts'
import { type ExecuteOptions, runOf } from '../execute/run.ts'
import { stopper } from '../execute/stopper.ts'
import { journalPath, loadPlan } from '../journal/folder.ts'
import { readJournal } from '../journal/read.ts'
import { stateOf } from '../journal/state.ts'
import { openJournal } from '../journal/write.ts'
import type { Execution } from '../result/execution.ts'
import { takesOverLive } from '../verify/pods.ts'
import { rollBack } from './roll-back.ts'

export type RollbackOptions = Omit<ExecuteOptions, 'journalDirectory'>

/** Takes back the migration whose journal is in `folder`, finished or not, as far as it has come. */
export async function rollbackMigration(
  client: ClusterClient,
  folder: string,
  options: RollbackOptions = {},
): Promise<Execution> {
  const { patience = usualPatience, leaseDurationMs } = options
  const path = journalPath(folder)
  const known = stateOf((await readJournal(path)).entries)
  if (known.phase === 'new') throw nothingToUndo(folder)
  const plan = loadPlan(folder)
  const reader = patientReads(client, patience, options.signal)
  assertSameCluster(known, plan, await clusterId(reader))
  const liveTakeover = await takesOverLive(reader)
  const holder = newHolder()
  const lease = await takeLeases({
    client,
    namespaces: namespacesOf({ plan }),
    planId: plan.id,
    holder,
    patience,
    // What is left of a namespace that was deleted needs nobody's permission.
    absentIsFine: true,
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
        options: { ...options, journalDirectory: folder },
        liveTakeover,
        lease,
        stop: stop.signal,
      })
      await removeCanaries(run)
      const state = stateOf(journal.entries())
      if (state.phase === 'rolled-back') return await executionOf(run, { outcome: 'rolled-back' })
      return await rollBack(run, { holder, why: 'it was asked for', stopped: stop.why })
    } finally {
      await journal.close()
    }
  } finally {
    stop.end()
    await lease.release()
  }
}

function nothingToUndo(folder: string): MigrationError {
  return new MigrationError(`${folder} holds no migration that was begun`, {
    code: 'MIGRATION_NOT_BEGUN',
    hint: 'Name the folder of one with --journal, as in .meshbench/migrations/<plan id>.',
    exitCode: 2,
  })
}
