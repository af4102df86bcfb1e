import { isConflict } from '../../cluster/errors.ts'
import { MigrationError } from '../errors.ts'
import type { MigrationState } from '../journal/state.ts'
import type { Step } from '../result/plan.ts'
import { textOf } from './call.ts'
import type { Run } from './run.ts'
import { tryCalls } from './try-calls.ts'

/**
 * Every call that is still to come, sent with dryRun: admission, quotas and field owners say no before
 * anything was done. What earlier calls are to make or to change cannot be tried that way for certain;
 * a refusal there proves nothing and is told.
 */
export async function dryRunAll(run: Run, state: MigrationState): Promise<readonly string[]> {
  const done = new Set(
    state.calls
      .filter(({ outcome }) => outcome === 'done')
      .map(({ step, index }) => `${step} ${index}`),
  )
  const tried = await tryCalls(run, run.plan.steps, (step, index) => done.has(`${step} ${index}`))
  const untried: string[] = []
  const refused: string[] = []
  for (const { step, call, refusal, after } of tried) {
    if (refusal === undefined) continue
    const text = `${step}: ${textOf(call)}`
    // Whether it is still that object is seen when its time comes.
    const looks = run.plan.steps.some(({ id, requires }) => id === step && requires !== undefined)
    if (looks && isConflict(refusal.cause)) untried.push(`${text}: ${refusal.message}`)
    else if (after === undefined) refused.push(`${text}: ${refusal.message}`)
    else untried.push(`${text}: needs what ${after} does first`)
  }
  if (refused.length > 0) throw blocked(refused)
  return untried
}

function blocked(refused: readonly string[]): MigrationError {
  const [first = '', ...more] = refused
  const rest = more.length === 0 ? '' : ` (and ${more.length} more: ${more.join('; ')})`
  return new MigrationError(`a dry run of the calls was refused: ${first}${rest}`, {
    code: 'MIGRATION_DRY_RUN_REFUSED',
    hint: 'Nothing was changed. Grant what is missing (`meshbench migrate rbac`), or settle what the server objects to, and plan anew.',
    exitCode: 6,
  })
}

/** Steps are named by id, or by phase for the last one of it. */
export function stepNamed(steps: readonly Step[], name: string): Step | undefined {
  return (
    steps.find(({ id }) => id === name) ?? [...steps].reverse().find(({ phase }) => phase === name)
  )
}
