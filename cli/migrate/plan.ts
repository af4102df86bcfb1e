import { readFiles } from '../../migration/inventory/read-files.ts'
import { migrationFolder, migrationsFolder, planPath } from '../../migration/journal/folder.ts'
import { readPlan, writePlan } from '../../migration/plan/file.ts'
import type { PlanOptions } from '../../migration/plan/intent.ts'
import { blockers } from '../../migration/preflight/run-checks.ts'
import type { Plan } from '../../migration/result/plan.ts'
import type { RawPlanOptions } from '../commands/migrate/plan.ts'
import type { CommandContext } from '../context.ts'
import { UsageError } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { acceptOf } from './accept.ts'
import { connect, patient } from './connect.ts'
import { labelledNamespaces } from './labelled.ts'
import { endingsOf, namespacesOf, probeOf } from './namespaces.ts'
import { newPlan, planFrom } from './new-plan.ts'
import { showPlan } from './show-plan.ts'

export async function plan(raw: RawPlanOptions, context: CommandContext): Promise<number> {
  const made = await make(raw, context)
  const path = raw.out ?? planPath(migrationFolder(migrationsFolder, made.id))
  writePlan(path, made)
  context.stderr.write(`saved as ${path}\n`)
  context.out(context.json ? JSON.stringify(made) : showPlan(made, context.paint, path))
  return blockers(made.checks).length > 0 ? exitCodes.migrationBlocked : exitCodes.ok
}

async function make(raw: RawPlanOptions, context: CommandContext): Promise<Plan> {
  const { fromFiles } = raw
  acceptOf(raw)
  if (raw.plan !== undefined) return again(raw.plan, raw, context)
  if (fromFiles === undefined) {
    const named = raw.allLabelled ? undefined : namespacesOf(raw)
    const client = await connect(raw)
    const namespaces = named ?? (await labelledNamespaces(await patient(client, context)))
    return newPlan(client, optionsOf(raw, namespaces), context)
  }
  if (raw.allLabelled || raw.kubeconfig !== undefined || raw.context !== undefined) {
    throw new UsageError(
      '--from-files plans without a cluster',
      'leave out --all-labelled, --kubeconfig and --context, and name the namespaces',
    )
  }
  const namespaces = namespacesOf(raw)
  const snapshot = await readFiles(fromFiles, { namespaces, signal: context.signal })
  return planFrom(snapshot, optionsOf(raw, namespaces), context)
}

/** As the earlier plan was asked for; MB026 tells what is different now. */
async function again(path: string, raw: RawPlanOptions, context: CommandContext): Promise<Plan> {
  const { namespace, allLabelled, fromFiles, restartWorkloads, waypoint, waypointName } = raw
  const { probe, probeImage } = raw
  const asked = [
    namespace,
    allLabelled,
    fromFiles,
    restartWorkloads,
    waypointName,
    probe,
    probeImage,
    raw.cleanUp,
    raw.protectFromBypass,
    raw.allowBypass,
  ]
  if (asked.some((one) => one !== undefined) || (waypoint !== undefined && waypoint !== 'auto')) {
    throw new UsageError(
      '--plan says already which namespaces to migrate, and how',
      'give it with --accept, --out and the cluster alone; it compares with a cluster, not with files',
    )
  }
  const earlier = readPlan(path)
  const accept = [...new Set([...earlier.options.accept, ...(raw.accept ?? [])])]
  return newPlan(await connect(raw), { ...earlier.options, accept }, context, earlier)
}

function optionsOf(raw: RawPlanOptions, namespaces: readonly string[]): PlanOptions {
  return {
    namespaces,
    restartWorkloads: raw.restartWorkloads ?? false,
    waypoint: raw.waypoint ?? 'auto',
    waypointName: raw.waypointName ?? 'waypoint',
    accept: raw.accept ?? [],
    ...probeOf(raw),
    ...endingsOf(raw),
  }
}
