import { open, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { MigrationError } from '../errors.ts'
import { type Plan, planSchema } from '../result/plan.ts'
import { readJournal } from './read.ts'
import { type MigrationState, stateOf } from './state.ts'
import { syncDirectory } from './write.ts'

export const migrationsFolder = join('.meshbench', 'migrations')
const planFile = 'plan.json'

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

/** Whole or not at all, and on disk before the first call. */
export async function savePlan(folder: string, plan: Plan): Promise<void> {
  const path = join(folder, planFile)
  const partial = `${path}.partial`
  const file = await open(partial, 'w')
  try {
    await file.writeFile(`${JSON.stringify(plan, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(partial, path)
  await syncDirectory(folder)
}

export async function loadPlan(folder: string): Promise<Plan> {
  const path = join(folder, planFile)
  try {
    return planSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MigrationError(`the plan ${path} cannot be read: ${why}`, {
      code: 'PLAN_INVALID',
      hint: 'Name the folder of a migration, as in .meshbench/migrations/<plan id>.',
      exitCode: 2,
      cause,
    })
  }
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
