import { MigrationError } from '../errors.ts'
import type { MigrationState } from '../journal/state.ts'
import type { Finding } from '../result/findings.ts'
import type { Plan } from '../result/plan.ts'
import { nameOf } from './call.ts'
import { stepNamed } from './dry-run.ts'
import type { ApplyOptions, Drift } from './run.ts'

/** Drift as a check of its own: what was accepted for a first run is not for a resumed one. */
const driftCheck = 'MB026'

export function assertPlan(
  plan: Plan,
  { accept = [], pauseAfter }: Pick<ApplyOptions, 'accept' | 'pauseAfter'>,
): void {
  if (plan.source.from === 'files') {
    throw new MigrationError(`plan ${plan.id} was made from files and is for review only`, {
      code: 'PLAN_FROM_FILES',
      hint: 'Plan against the cluster itself, then apply that.',
      exitCode: 2,
    })
  }
  if (pauseAfter !== undefined && stepNamed(plan.steps, pauseAfter) === undefined) {
    throw new MigrationError(`the plan has no step ${pauseAfter}`, {
      code: 'PLAN_NO_SUCH_STEP',
      hint: `It has ${plan.steps.map(({ id }) => id).join(', ')}.`,
      exitCode: 2,
    })
  }
  const blockers = plan.checks
    .flatMap(({ findings }) => findings)
    .filter((finding) => finding.severity === 'blocker' && !isAccepted(finding, accept))
  const [first] = blockers
  if (first === undefined) return
  const more = blockers.length === 1 ? '' : ` (and ${blockers.length - 1} more)`
  const codes = [...new Set(blockers.filter((one) => one.acceptable).map(({ id }) => id))]
  const remedy = `${first.remedy}${/[.!?]$/.test(first.remedy) ? '' : '.'}`
  throw new MigrationError(
    `the plan is blocked: ${first.id} ${first.resource}: ${first.reason}${more}`,
    {
      code: 'MIGRATION_BLOCKED',
      hint:
        codes.length === 0
          ? remedy
          : `${remedy} Or accept it: --accept ${codes.join(' --accept ')}`,
      exitCode: 6,
    },
  )
}

function isAccepted(finding: Finding, accept: readonly string[]): boolean {
  const { id, resource, acceptable, accepted = false } = finding
  return accepted || (acceptable && (accept.includes(id) || accept.includes(`${id}=${resource}`)))
}

/** A journal goes with one plan and one cluster. */
export function assertJournal(
  state: MigrationState,
  plan: Plan,
  cluster: string | undefined,
): void {
  if (state.phase === 'new' || state.phase === 'rolled-back') return
  assertSameCluster(state, plan, cluster)
  if (state.phase === 'rolling-back') {
    throw new MigrationError(`migration ${plan.id} is being taken back`, {
      code: 'MIGRATION_ROLLING_BACK',
      hint: 'Finish that with `meshbench migrate rollback`, then apply it again or plan anew.',
      exitCode: 6,
    })
  }
}

export function assertSameCluster(
  state: MigrationState,
  plan: Plan,
  cluster: string | undefined,
): void {
  if (state.cluster !== undefined && cluster !== undefined && state.cluster !== cluster) {
    throw new MigrationError(`the journal of ${plan.id} is of another cluster`, {
      code: 'MIGRATION_OTHER_CLUSTER',
      hint: 'Choose the context it was begun in, or plan anew for this one.',
      exitCode: 2,
    })
  }
  if (state.plan !== plan.id || state.hash !== plan.basis.hash) {
    throw new MigrationError(`the journal of ${plan.id} is of another plan with the same id`, {
      code: 'MIGRATION_OTHER_PLAN',
      hint: 'Apply the plan.json beside the journal, or plan anew.',
      exitCode: 2,
    })
  }
}

/** `state` of a migration that goes on: what it has changed itself is no drift. */
export function assertDriftless(
  drift: Drift | undefined,
  state: MigrationState | undefined,
  accept: readonly string[],
): void {
  if (drift === undefined) return
  const refs = state?.calls.map(({ call }) => call.ref) ?? []
  const own = new Set(refs.map(nameOf))
  // A waypoint brings a Deployment, a Service and more, all of its name.
  const places = refs.map(({ namespace, name }) => `${namespace}/${name}`)
  const isOurs = (name: string): boolean =>
    own.has(name.replace(/^istio /, '')) || places.some((place) => name.endsWith(` ${place}`))
  const told = [
    ...drift.changed.map((name) => [name, 'changed'] as const),
    ...drift.gone.map((name) => [name, 'gone'] as const),
    ...drift.appeared.map((name) => [name, 'new'] as const),
  ].filter(([name]) => !isOurs(name))
  if (told.length === 0) return
  if (state !== undefined && accept.includes(driftCheck)) return
  const names = told.slice(0, 5).map(([name, what]) => `${name} (${what})`)
  const more = told.length > 5 ? ` and ${told.length - 5} more` : ''
  const message = `the cluster is not as the plan saw it: ${names.join(', ')}${more}`
  throw new MigrationError(message, {
    code: 'MIGRATION_DRIFT',
    hint:
      state === undefined
        ? 'Nothing was changed. Plan anew and apply that.'
        : `Look at what changed since. Then go on all the same with --accept ${driftCheck}, or take back with \`meshbench migrate rollback\`.`,
    exitCode: 6,
  })
}
