import type { Snapshot } from '../inventory/snapshot.ts'
import type { CheckResult } from '../result/findings.ts'
import { type Plan, planSchemaVersion, type Step } from '../result/plan.ts'
import { basisOf } from './basis.ts'
import type { Intent, NamespaceIntent } from './intent.ts'
import { readable } from './mesh.ts'
import { sidecarWorkloads } from './staying.ts'
import type { StepContext } from './steps/context.ts'
import { flipNamespace } from './steps/flip.ts'
import type { Labels } from './steps/labels.ts'
import { lockSteps } from './steps/lock.ts'
import { bindWaypoint, deployWaypoint } from './steps/waypoint.ts'
import { wavesOf } from './waves.ts'

export interface PlanIdentity {
  readonly id: string
  /** ISO 8601. */
  readonly createdAt: string
  /** `meshbench 0.1.0` */
  readonly tool: string
}

/** Pure: the same snapshot, intent and findings give the same plan, but for its identity. */
export function buildPlan(
  snapshot: Snapshot,
  intent: Intent,
  checks: readonly CheckResult[],
  { id, createdAt, tool }: PlanIdentity,
): Plan {
  const { options } = intent
  const waves = wavesOf(snapshot, options.namespaces)
  const context = (target: NamespaceIntent): StepContext => ({
    snapshot,
    intent,
    target,
    id,
    createdAt,
  })
  const work = waves.flatMap((wave) =>
    waveSteps(
      wave
        .flatMap((name) => intent.namespaces.filter((one) => one.namespace === name))
        .map(context),
    ),
  )
  const { first, last } = lockSteps(waves.flat())
  return {
    schemaVersion: planSchemaVersion,
    kind: 'meshbench-migration-plan',
    id,
    tool,
    createdAt,
    source: sourceOf(snapshot),
    options: { ...options, namespaces: [...options.namespaces], accept: [...options.accept] },
    waves: waves.map((wave) => [...wave]),
    basis: basisOf(snapshot, options.namespaces),
    checks: [...checks],
    policies: [],
    steps: work.length === 0 ? [] : [first, ...work, last],
    staying: intent.liveTakeover ? [] : sidecarWorkloads(snapshot, options.namespaces),
  }
}

/** Everything prepared in all namespaces of a wave before the first of them turns. */
function waveSteps(wave: readonly StepContext[]): readonly Step[] {
  const prepared = wave.map((context) => {
    const labels = labelsOf(context)
    const bound = bindWaypoint(context, labels)
    const steps = [...deployWaypoint(context, labels), ...bound.steps]
    return { context, steps, labels: bound.labels }
  })
  return [
    ...prepared.flatMap(({ steps }) => steps),
    ...prepared.flatMap(({ context, labels }) => flipNamespace(context, labels)),
  ]
}

function labelsOf({ snapshot, target }: StepContext): Labels {
  const found = readable(() => snapshot.items('namespace')).find(
    ({ metadata }) => metadata.name === target.namespace,
  )
  // Every API server sets this one; exported files may lack the Namespace itself.
  return found?.metadata.labels ?? { 'kubernetes.io/metadata.name': target.namespace }
}

function sourceOf({ source }: Snapshot): Plan['source'] {
  if (source.from === 'files') return { from: 'files', directory: source.directory }
  const { from, server, version, embedded } = source
  return { from, server, version, embedded }
}
