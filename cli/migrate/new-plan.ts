import type { ClusterClient } from '../../cluster/client/types.ts'
import type { Snapshot } from '../../migration/inventory/snapshot.ts'
import { takeSnapshot } from '../../migration/inventory/take-snapshot.ts'
import { buildPlan } from '../../migration/plan/build.ts'
import { decideIntent } from '../../migration/plan/decide-intent.ts'
import type { PlanOptions } from '../../migration/plan/intent.ts'
import { runChecks } from '../../migration/preflight/run-checks.ts'
import type { Plan } from '../../migration/result/plan.ts'
import type { CommandContext } from '../context.ts'

/** Reads the cluster, judges it and plans. */
export async function newPlan(
  client: ClusterClient,
  options: PlanOptions,
  context: CommandContext,
): Promise<Plan> {
  const { namespaces } = options
  const snapshot = await takeSnapshot(client, { namespaces, signal: context.signal })
  return planFrom(snapshot, options, context)
}

export function planFrom(snapshot: Snapshot, options: PlanOptions, context: CommandContext): Plan {
  const intent = decideIntent(snapshot, options)
  const checks = runChecks({ snapshot, intent })
  const createdAt = new Date().toISOString()
  const id = planId(options.namespaces, createdAt)
  return buildPlan(snapshot, intent, checks, {
    id,
    createdAt,
    tool: `meshbench ${context.version}`,
  })
}

/** `shop-20260801-101500`, `shop-and-2-more-20260801-101500`. */
function planId(namespaces: readonly string[], createdAt: string): string {
  const [first = 'none'] = namespaces
  const more = namespaces.length > 1 ? `-and-${namespaces.length - 1}-more` : ''
  const [date = '', time = ''] = createdAt.replace(/[-:]/g, '').split('T')
  return `${first}${more}-${date}-${time.slice(0, 6)}`
}
