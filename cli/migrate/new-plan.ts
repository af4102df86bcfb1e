import type { ClusterClient } from '../../cluster/client/types.ts'
import { dryRunsOf } from '../../migration/execute/try-calls.ts'
import type { Snapshot } from '../../migration/inventory/snapshot.ts'
import { takeSnapshot } from '../../migration/inventory/take-snapshot.ts'
import { driftOf } from '../../migration/plan/basis.ts'
import { buildPlan, type PlannedWork, planWork } from '../../migration/plan/build.ts'
import { decideIntent } from '../../migration/plan/decide-intent.ts'
import type { Intent, PlanOptions } from '../../migration/plan/intent.ts'
import type { CheckContext } from '../../migration/preflight/check.ts'
import { runChecks } from '../../migration/preflight/run-checks.ts'
import type { Plan } from '../../migration/result/plan.ts'
import type { CommandContext } from '../context.ts'
import { patient } from './connect.ts'

/** Reads the cluster, judges it, tries every call with dryRun=All, and plans. */
export async function newPlan(
  client: ClusterClient,
  options: PlanOptions,
  context: CommandContext,
  earlier?: Plan,
): Promise<Plan> {
  const { signal, stderr } = context
  const reader = await patient(client, context)
  const snapshot = await takeSnapshot(reader, { namespaces: options.namespaces, signal })
  const draft = draftOf(snapshot, options)
  const { work, identity } = draft
  const say = (text: string): unknown => stderr.write(`${text}\n`)
  const dryRuns = await dryRunsOf(client, work.steps, identity.id, signal, say)
  const drift = earlier && driftFindings(earlier, snapshot)
  return finished(draft, { dryRuns, ...(drift && { drift }) }, context)
}

/** Without a cluster: nothing can be tried. */
export function planFrom(snapshot: Snapshot, options: PlanOptions, context: CommandContext): Plan {
  return finished(draftOf(snapshot, options), {}, context)
}

interface Draft {
  readonly snapshot: Snapshot
  readonly intent: Intent
  readonly identity: { readonly id: string; readonly createdAt: string }
  readonly work: PlannedWork
}

function draftOf(snapshot: Snapshot, options: PlanOptions): Draft {
  const intent = decideIntent(snapshot, options)
  const createdAt = new Date().toISOString()
  const identity = { id: planId(options.namespaces, createdAt), createdAt }
  return { snapshot, intent, identity, work: planWork(snapshot, intent, identity) }
}

function finished(
  { snapshot, intent, identity, work }: Draft,
  asked: Pick<CheckContext, 'dryRuns' | 'drift'>,
  { version }: CommandContext,
): Plan {
  const checks = runChecks({ snapshot, intent, ...asked })
  return buildPlan(snapshot, intent, checks, { ...identity, tool: `meshbench ${version}` }, work)
}

function driftFindings(earlier: Plan, snapshot: Snapshot): CheckContext['drift'] {
  const { changed = [], appeared = [], gone = [] } = driftOf(earlier, snapshot) ?? {}
  const all = (names: readonly string[], what: 'added' | 'changed' | 'removed') =>
    names.map((resource) => ({ resource, what }))
  return [...all(changed, 'changed'), ...all(appeared, 'added'), ...all(gone, 'removed')]
}

/** `shop-20260801-101500`, `shop-and-2-more-20260801-101500`. */
function planId(namespaces: readonly string[], createdAt: string): string {
  const [first = 'none'] = namespaces
  const more = namespaces.length > 1 ? `-and-${namespaces.length - 1}-more` : ''
  const [date = '', time = ''] = createdAt.replace(/[-:]/g, '').split('T')
  return `${first}${more}-${date}-${time.slice(0, 6)}`
}
