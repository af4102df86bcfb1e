import type { Snapshot } from '../../inventory/snapshot.ts'
import type { Call, Step, Verification } from '../../result/plan.ts'
import type { Intent, NamespaceIntent } from '../intent.ts'

export interface StepContext {
  readonly snapshot: Snapshot
  readonly intent: Intent
  readonly target: NamespaceIntent
  /** Of the plan: labels what it creates. */
  readonly id: string
  /** ISO 8601: the annotation of rolling restarts. */
  readonly createdAt: string
}

/** Labels of every object that a migration creates. */
export const migrationLabel = 'meshbench.io/migration'

export const waits = {
  label: 10_000,
  /** Image pull included. */
  waypoint: 180_000,
  policy: 60_000,
  capture: 120_000,
  /** Kubernetes gives a Deployment ten minutes before it calls it stuck. */
  rollout: 600_000,
} as const

export function namespaceRef(name: string) {
  return { apiVersion: 'v1', kind: 'Namespace', name }
}

/** Whatever else a step does: no pod of the namespace was restarted by it. */
export function unchangedPods(namespace: string): Verification {
  return { check: 'pods-unchanged', namespace, timeoutMs: waits.label }
}

/** L5, where it was asked for; with `workload`, of the services that lead to it. */
export function probing(
  { intent, target }: StepContext,
  workload?: Call['ref'],
): readonly Verification[] {
  const { options, probeImage: image } = intent
  if (!options.probe) return []
  const { namespace } = target
  const about = { namespace, ...(workload && { ref: workload }), ...(image && { image }) }
  return [{ check: 'probe', ...about, timeoutMs: waits.capture }]
}

export type StepDraft = Omit<Step, 'effects' | 'restarts'> & Partial<Pick<Step, 'restarts'>>

/** Effects on policies are worked out later, over all steps. */
export function step(draft: StepDraft): Step {
  return { restarts: [], ...draft, effects: [] }
}
