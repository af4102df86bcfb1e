import { readFiles } from '../../migration/inventory/read-files.ts'
import { planPath, writePlan } from '../../migration/plan/file.ts'
import type { PlanOptions } from '../../migration/plan/intent.ts'
import { blockers } from '../../migration/preflight/run-checks.ts'
import type { Plan } from '../../migration/result/plan.ts'
import type { RawPlanOptions } from '../commands/migrate/plan.ts'
import type { CommandContext } from '../context.ts'
import { UsageError } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { connect } from './connect.ts'
import { labelledNamespaces } from './labelled.ts'
import { namespacesOf } from './namespaces.ts'
import { newPlan, planFrom } from './new-plan.ts'
import { showPlan } from './show-plan.ts'

export async function plan(raw: RawPlanOptions, context: CommandContext): Promise<number> {
  const made = await make(raw, context)
  const path = raw.out ?? planPath(made.id)
  writePlan(path, made)
  context.stderr.write(`saved as ${path}\n`)
  context.out(context.json ? JSON.stringify(made) : showPlan(made, context.paint, path))
  return blockers(made.checks).length > 0 ? exitCodes.migrationBlocked : exitCodes.ok
}

async function make(raw: RawPlanOptions, context: CommandContext): Promise<Plan> {
  const { fromFiles } = raw
  if (fromFiles === undefined) {
    const named = raw.allLabelled ? undefined : namespacesOf(raw)
    const client = await connect(raw)
    const namespaces = named ?? (await labelledNamespaces(client))
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
  if (snapshot.source.from === 'files') {
    for (const { file, line, message } of snapshot.source.faults) {
      context.stderr.write(`${file}:${line}: ${message}\n`)
    }
    for (const assumed of snapshot.source.assumed)
      context.stderr.write(`taken for granted: ${assumed}\n`)
  }
  return planFrom(snapshot, optionsOf(raw, namespaces), context)
}

function optionsOf(raw: RawPlanOptions, namespaces: readonly string[]): PlanOptions {
  return {
    namespaces,
    restartWorkloads: raw.restartWorkloads ?? false,
    waypoint: raw.waypoint ?? 'auto',
    waypointName: raw.waypointName ?? 'waypoint',
    accept: raw.accept ?? [],
    probe: raw.probe ?? false,
  }
}
