// Migrations that end as a SIGKILL would end them, at any point of their journal.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after } from 'node:test'
import { applyPlan } from '../../migration/execute/apply.ts'
import { journalPath } from '../../migration/journal/folder.ts'
import type { Execution } from '../../migration/result/execution.ts'
import { rollbackMigration } from '../../migration/rollback/rollback.ts'
import { type Stage, startStage } from './migration-stage.ts'
import { apply, folderOf, optionsFor, quick, rollback } from './staged-run.ts'

export type State = Readonly<Record<string, string>>
/** Stops dead when this many entries are in the journal: at its next request, or once that is done. */
export interface Death {
  readonly entries: number
  readonly when: 'before' | 'after'
}

const lease = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  name: 'meshbench-migrate-shop',
  namespace: 'shop',
}

function entriesIn(stage: Stage): number {
  try {
    return readFileSync(journalPath(folderOf(stage)), 'utf8').split('\n').length - 1
  } catch {
    return 0
  }
}

/**
 * Lets `begin` run until its death: from then on nothing it asks for is answered, so it does nothing
 * more, and all that is left of it is what a SIGKILL would leave, its journal and the cluster.
 * Gives a way to bury it.
 */
export async function die(
  stage: Stage,
  death: Death,
  begin: (signal: AbortSignal) => Promise<Execution>,
) {
  const burial = new AbortController()
  let run: Promise<unknown> | undefined
  await new Promise<void>((resolve) => {
    let dead = false
    stage.faulty.inflict(({ isWrite, path }) => {
      if (dead) return { silent: 'before' }
      if (entriesIn(stage) < death.entries) return undefined
      const isCall = isWrite && !path.includes('/leases')
      if (death.when === 'after' && !isCall) return undefined
      dead = true
      setTimeout(resolve, death.when === 'after' ? 20 : 0)
      return { silent: death.when }
    })
    run = begin(burial.signal).finally(resolve)
    run.catch(() => undefined)
  })
  // Its lease is not renewed any more, and runs out.
  stage.store.mutate(lease, (current) => ({
    ...current,
    spec: { ...(current.spec as object), renewTime: '2026-01-01T00:00:00.000000Z' },
  }))
  return async (): Promise<void> => {
    burial.abort()
    await stage.stop()
    buried.push(run?.catch(() => undefined))
  }
}

/** They give up by themselves, a while after nothing can be reached any more. */
const buried: unknown[] = []
after(() => Promise.all(buried))

export const dying = (stage: Stage) => (signal: AbortSignal) => apply(stage, { signal }, 60_000)

export async function resume(stage: Stage): Promise<Execution> {
  return applyPlan(await stage.direct(), stage.plan(), optionsFor(stage))
}

export async function takeBack(stage: Stage): Promise<Execution> {
  return rollbackMigration(await stage.direct(), folderOf(stage), { patience: quick })
}

/** An undisturbed run: what it writes, where it ends, and what taking it back writes. */
export async function measure() {
  const stage = await startStage()
  try {
    const initial = stage.state()
    await apply(stage)
    const applied = entriesIn(stage)
    const kinds = readFileSync(journalPath(folderOf(stage)), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { entry: string }).entry)
    const final = stage.state()
    await rollback(stage)
    return { initial, final, applied, kinds, all: entriesIn(stage) }
  } finally {
    await stage.stop()
  }
}

export function deathsUpTo(applied: number, kinds: readonly string[]): readonly Death[] {
  return Array.from({ length: applied }, (_, index) => index + 1).flatMap((entries) => {
    const before: Death = { entries, when: 'before' }
    const after: Death = { entries, when: 'after' }
    return kinds[entries - 1] === 'call' ? [before, after] : [before]
  })
}

/** But for the lease, which is given back. */
export function assertSame(stage: Stage, expected: State, what: string): void {
  assert.deepEqual(stage.state(), expected, what)
}
