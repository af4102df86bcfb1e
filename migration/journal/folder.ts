import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MigrationError } from '../errors.ts'
import { readPlan, writePlan } from '../plan/file.ts'
import type { Plan } from '../result/plan.ts'
import { readJournal } from './read.ts'
import { type MigrationState, stateOf } from './state.ts'
import { syncDirectory } from './write.ts'

export const migrationsFolder = join('.meshbench', 'migrations')

/** Everything about one migration: its journal, and the plan it carries out. */
export function migrationFolder(root: string, planId: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(planId)) {
    throw new MigrationError(`a plan cannot be called ${JSON.stringify(planId)}`, {
      code: 'PLAN_INVALID',
      hint: 'Its id names a folder: letters, digits, dots and dashes. Plan anew.',
      exitCode: 2,
    })
  }
  return join(root, planId)
}

export function journalPath(folder: string): string {
  return join(folder, 'journal.jsonl')
}

export function planPath(folder: string): string {
  return join(folder, 'plan.json')
}

/** On disk before the first call. */
export async function savePlan(folder: string, plan: Plan): Promise<void> {
  writePlan(planPath(folder), plan)
  await syncDirectory(folder)
}

export function loadPlan(folder: string): Plan {
  return readPlan(planPath(folder))
}

export interface KnownMigration {
  readonly folder: string
  readonly state: MigrationState
}

/** Those with a journal, the latest first; a damaged one is left out and named. */
export async function listMigrations(
  root: string,
  onDamaged: (message: string) => void = () => undefined,
): Promise<readonly KnownMigration[]> {
  const names = await readdir(root).catch(() => [])
  const known: KnownMigration[] = []
  for (const name of names) {
    const folder = join(root, name)
    try {
      const { entries } = await readJournal(journalPath(folder))
      if (entries.length > 0) known.push({ folder, state: stateOf(entries) })
    } catch (error) {
      onDamaged(error instanceof Error ? error.message : String(error))
    }
  }
  return known.sort((a, b) => b.state.lastAt.localeCompare(a.state.lastAt))
}
