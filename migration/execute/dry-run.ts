import type { KubeObject } from '../../cluster/objects.ts'
import { MigrationError } from '../errors.ts'
import type { MigrationState } from '../journal/state.ts'
import type { Call, Step } from '../result/plan.ts'
import { nameOf, refOf, textOf } from './call.ts'
import { rehearseCall } from './carry-out.ts'
import type { Run } from './run.ts'

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
  const touched = new Map<string, string>()
  const untried: string[] = []
  const refused: string[] = []
  for (const step of run.plan.steps) {
    for (const [index, call] of step.calls.entries()) {
      run.stop.throwIfAborted()
      if (done.has(`${step.id} ${index}`)) continue
      const name = nameOf(call.ref)
      const earlier = touched.get(name) ?? touched.get(`Namespace ${call.ref.namespace}`)
      touched.set(name, step.id)
      const refusal = await tryCall(run, call)
      if (refusal === undefined) continue
      const text = `${step.id}: ${textOf(call)}`
      if (earlier === undefined) refused.push(`${text}: ${refusal}`)
      else untried.push(`${text}: needs what ${earlier} does first`)
    }
  }
  if (refused.length > 0) throw blocked(refused)
  return untried
}

async function tryCall(run: Run, call: Call): Promise<string | undefined> {
  const before = await run.reader.get<KubeObject>(refOf(call))
  const meant = { call, ...(before && { before }) }
  return (await rehearseCall(run.carryOut, meant))?.message
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
