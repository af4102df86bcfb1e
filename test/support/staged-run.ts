import { join } from 'node:path'
import { applyPlan } from '../../migration/execute/apply.ts'
import type { ApplyOptions } from '../../migration/execute/run.ts'
import { journalPath } from '../../migration/journal/folder.ts'
import { readJournal } from '../../migration/journal/read.ts'
import { type MigrationState, stateOf } from '../../migration/journal/state.ts'
import type { Execution } from '../../migration/result/execution.ts'
import { type RollbackOptions, rollbackMigration } from '../../migration/rollback/rollback.ts'
import { planId, type Stage, startStage } from './migration-stage.ts'

export const quick = { deadlineMs: 2_000, firstMs: 5, mostMs: 50 }

export async function staged(t: { after(run: () => Promise<void>): void }): Promise<Stage> {
  const stage = await startStage()
  t.after(() => stage.stop())
  return stage
}

export function optionsFor(stage: Stage, more: Partial<ApplyOptions> = {}): ApplyOptions {
  return {
    journalDirectory: stage.journals,
    readDrift: async () => undefined,
    patience: quick,
    ...more,
  }
}

/** Through the faulty API. */
export async function apply(
  stage: Stage,
  more: Partial<ApplyOptions> = {},
  requestTimeoutMs = 5_000,
): Promise<Execution> {
  return applyPlan(await stage.client({ requestTimeoutMs }), stage.plan(), optionsFor(stage, more))
}

export async function rollback(
  stage: Stage,
  more: RollbackOptions = {},
  requestTimeoutMs = 5_000,
): Promise<Execution> {
  const options = { patience: quick, ...more }
  return rollbackMigration(await stage.client({ requestTimeoutMs }), folderOf(stage), options)
}

export function folderOf(stage: Stage): string {
  return join(stage.journals, planId)
}

export async function journalOf(stage: Stage): Promise<MigrationState> {
  return stateOf((await readJournal(journalPath(folderOf(stage)))).entries)
}
