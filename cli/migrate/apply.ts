import type { ClusterClient } from '../../cluster/client/types.ts'
import { applyPlan } from '../../migration/execute/apply.ts'
import { assertAccess } from '../../migration/execute/assert-access.ts'
import { clusterId } from '../../migration/execute/cluster-id.ts'
import { takeSnapshot } from '../../migration/inventory/take-snapshot.ts'
import {
  type KnownMigration,
  listMigrations,
  loadPlan,
  migrationsFolder,
} from '../../migration/journal/folder.ts'
import { driftOf } from '../../migration/plan/basis.ts'
import { readPlan } from '../../migration/plan/file.ts'
import type { Plan } from '../../migration/result/plan.ts'
import type { RawApplyOptions } from '../commands/migrate/apply.ts'
import type { CommandContext } from '../context.ts'
import { UsageError } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { acceptOf } from './accept.ts'
import { connect, patient } from './connect.ts'
import { labelledNamespaces } from './labelled.ts'
import { endingsOf, namespacesOf, probeOf } from './namespaces.ts'
import { newPlan } from './new-plan.ts'
import { showExecution } from './progress.ts'
import { report } from './show-execution.ts'

export async function apply(raw: RawApplyOptions, context: CommandContext): Promise<number> {
  checkTogether(raw, context)
  const given = raw.plan === undefined ? undefined : readPlan(raw.plan)
  const client = await connect(raw)
  const plan =
    given ?? (await interrupted(client, raw, context)) ?? (await fresh(client, raw, context))
  if (plan.steps.length === 0) return nothingToDo(plan, context)
  showPlan(plan, context)
  if (!raw.yes && !(await agreed(context))) return exitCodes.ok
  const progress = showExecution(context.stderr)
  try {
    const execution = await applyPlan(client, plan, {
      journalDirectory: migrationsFolder,
      readDrift: async () => {
        const { namespaces } = plan.options
        const reader = await patient(client, context)
        const snapshot = await takeSnapshot(reader, { namespaces, signal: context.signal })
        assertAccess(plan, snapshot, raw.accept ?? [])
        return driftOf(plan, snapshot)
      },
      accept: raw.accept ?? [],
      signal: context.signal,
      onEvent: progress.onEvent,
      ...(raw.rollbackOnFailure && { rollbackOnFailure: true }),
      ...(raw.pauseAfter !== undefined && { pauseAfter: raw.pauseAfter }),
    })
    progress.end()
    return report(execution, context, 'apply', plan.staying)
  } finally {
    progress.end()
  }
}

function checkTogether(raw: RawApplyOptions, context: CommandContext): void {
  const { namespace, allLabelled, restartWorkloads, probe, probeImage } = raw
  const ends = raw.cleanUp || raw.protectFromBypass || raw.allowBypass
  const how = restartWorkloads || ends || probe || probeImage
  if (raw.plan !== undefined && (namespace || allLabelled || how)) {
    throw new UsageError(
      '--plan says already which namespaces to migrate, and how',
      'leave out --namespace, --all-labelled, --restart-workloads, --probe, --clean-up and --protect-from-bypass',
    )
  }
  if (raw.plan === undefined && !raw.allLabelled) namespacesOf(raw)
  acceptOf(raw)
  if (!raw.yes && context.ask === undefined) {
    throw new UsageError(
      'there is nobody to ask whether to carry it out',
      'say --yes, or run it at a terminal without --json',
    )
  }
}

/** One of the same namespaces that has not come to its end. */
async function interrupted(
  client: ClusterClient,
  raw: RawApplyOptions,
  context: CommandContext,
): Promise<Plan | undefined> {
  if (raw.allLabelled) return undefined
  const namespaces = namespacesOf(raw)
  const here = await clusterId(await patient(client, context))
  const known = (await listMigrations(migrationsFolder)).filter(
    ({ state }) =>
      (here === undefined || state.cluster === undefined || state.cluster === here) &&
      state.namespaces.length === namespaces.length &&
      namespaces.every((name) => state.namespaces.includes(name)),
  )
  const found = known.find(({ state }) => ['resumable', 'rolling-back'].includes(state.phase))
  if (found === undefined) return waiting(known[0], raw, context)
  const { step, lastAt, failed } = found.state
  const where = step === undefined ? '' : ` at ${step}`
  const why = failed === undefined ? '' : ` (${failed.reason})`
  context.stderr.write(`goes on with ${found.folder}, which stopped${where}${why}, ${lastAt}\n`)
  return loadPlan(found.folder)
}

/** The last one, when it has left steps for later. Who asks for more is given a plan of its own. */
function waiting(
  last: KnownMigration | undefined,
  raw: RawApplyOptions,
  context: CommandContext,
): Plan | undefined {
  if (last === undefined) return undefined
  const { phase, skipped } = last.state
  if (phase !== 'finished' || skipped.size === 0) return undefined
  const plan = loadPlan(last.folder)
  const had = plan.options
  const wantsMore = (['restartWorkloads', 'cleanUp', 'protectFromBypass'] as const).some(
    (option) => raw[option] && !had[option],
  )
  if (wantsMore) return undefined
  const steps = [...skipped.keys()].join(', ')
  context.stderr.write(`looks again at ${steps}, which ${last.folder} has left for later\n`)
  return plan
}

async function fresh(
  client: ClusterClient,
  raw: RawApplyOptions,
  context: CommandContext,
): Promise<Plan> {
  const namespaces = raw.allLabelled
    ? await labelledNamespaces(await patient(client, context))
    : namespacesOf(raw)
  const options = {
    namespaces,
    restartWorkloads: raw.restartWorkloads ?? false,
    waypoint: 'auto',
    waypointName: 'waypoint',
    accept: raw.accept ?? [],
    ...probeOf(raw),
    ...endingsOf(raw),
  } as const
  return newPlan(client, options, context)
}

function showPlan(plan: Plan, context: CommandContext): void {
  const say = (text: string): unknown => context.stderr.write(`${text}\n`)
  say(`Plan ${plan.id} for ${plan.waves.flat().join(', ')}:`)
  for (const { id, title } of plan.steps) say(`  ${id}: ${title}`)
  for (const { findings } of plan.checks) {
    for (const { id, severity, resource, reason, accepted } of findings) {
      if (severity !== 'info')
        say(`  ${accepted ? 'accepted' : severity} ${id} ${resource}: ${reason}`)
    }
  }
  const restarts = plan.steps.flatMap((step) => step.restarts)
  say(
    restarts.length === 0
      ? '  No pod is restarted.'
      : `  ${restarts.length} pods are restarted, one workload at a time.`,
  )
}

async function agreed(context: CommandContext): Promise<boolean> {
  const answer = (await context.ask?.('Carry it out? [y/N] ')) ?? ''
  return /^y(es)?$/i.test(answer.trim())
}

function nothingToDo(plan: Plan, context: CommandContext): number {
  const namespaces = plan.options.namespaces.join(', ')
  if (context.json) context.out(JSON.stringify({ plan: plan.id, outcome: 'nothing-to-do' }))
  else context.out(`Nothing to do: ${namespaces} is where it is to be.`)
  return exitCodes.ok
}
