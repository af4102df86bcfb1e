import type { Snapshot } from '../inventory/snapshot.ts'
import type { CheckResult } from '../result/findings.ts'
import { type Plan, planSchemaVersion, type Step } from '../result/plan.ts'
import { basisOf } from './basis.ts'
import { withProtectionGate } from './gate.ts'
import type { Intent } from './intent.ts'
import { readable } from './mesh.ts'
import { protect } from './protection.ts'
import { sidecarWorkloads } from './staying.ts'
import { protectFromBypass } from './steps/bypass.ts'
import { cleanUp } from './steps/clean-up.ts'
import type { StepContext } from './steps/context.ts'
import { flipNamespace } from './steps/flip.ts'
import type { Labels } from './steps/labels.ts'
import { lockSteps } from './steps/lock.ts'
import { admitHbone } from './steps/network.ts'
import { policySteps } from './steps/policies.ts'
import { convertWorkloads, enableHbone } from './steps/restarts.ts'
import { bindWaypoint, deployWaypoint } from './steps/waypoint.ts'
import { treated } from './treated.ts'
import { wavesOf } from './waves.ts'

export interface PlanIdentity {
  readonly id: string
  /** ISO 8601. */
  readonly createdAt: string
  /** `meshbench 0.1.0` */
  readonly tool: string
}

/** What a plan does, without what it is called and whether it may. */
export interface PlannedWork {
  readonly waves: readonly (readonly string[])[]
  readonly steps: readonly Step[]
  readonly policies: Plan['policies']
}

/** Pure: the same snapshot, intent and findings give the same plan, but for its identity. */
export function buildPlan(
  snapshot: Snapshot,
  intent: Intent,
  checks: readonly CheckResult[],
  identity: PlanIdentity,
  work: PlannedWork = planWork(snapshot, intent, identity),
): Plan {
  const { options } = intent
  const { waves, steps, policies } = work
  const restarted = new Set(
    steps.flatMap(({ phase, restarts }) => (phase === 'S11' ? restarts : [])),
  )
  return {
    schemaVersion: planSchemaVersion,
    kind: 'meshbench-migration-plan',
    ...identity,
    source: sourceOf(snapshot),
    options: { ...options, namespaces: [...options.namespaces], accept: [...options.accept] },
    waves: waves.map((wave) => [...wave]),
    basis: basisOf(snapshot, options.namespaces),
    checks: [...withProtectionGate(checks, policies, options.accept)],
    policies,
    steps: [...steps],
    staying: intent.liveTakeover ? [] : sidecarWorkloads(snapshot, options.namespaces, restarted),
  }
}

/** Steps and what becomes of policies, wave by wave, between taking the lock and giving it back. */
export function planWork(
  snapshot: Snapshot,
  intent: Intent,
  { id, createdAt }: Pick<PlanIdentity, 'id' | 'createdAt'>,
): PlannedWork {
  const waves = wavesOf(snapshot, intent.options.namespaces)
  const work = waves.map((wave) =>
    waveWork(
      wave
        .flatMap((name) => intent.namespaces.filter(({ namespace }) => namespace === name))
        .map((target) => ({ snapshot, intent, target, id, createdAt })),
    ),
  )
  const steps = work.flatMap((wave) => wave.steps)
  const { first, last } = lockSteps(waves.flat())
  return {
    waves,
    steps: steps.length === 0 ? [] : [first, ...steps, last],
    policies: work.flatMap((wave) => wave.policies),
  }
}

/** Everything is prepared in all namespaces of a wave before the first of them turns. */
function waveWork(wave: readonly StepContext[]): {
  readonly steps: readonly Step[]
  readonly policies: Plan['policies']
} {
  const namespaces = wave.map((context) => {
    const found = treated(context.snapshot, context.intent, context.target)
    const labels = labelsOf(context)
    const guarding = policySteps(context, found)
    const bound = bindWaypoint(context, labels, guarding.copies)
    const prepare = [
      ...enableHbone(context),
      ...admitHbone(context, found),
      ...deployWaypoint(context, labels),
      ...guarding.steps,
      ...bound.steps,
    ]
    const flip = flipNamespace(context, bound.labels)
    const convert = convertWorkloads(context)
    const outlived = cleanUp(context, found, guarding.copies)
    const guards = protectFromBypass(context, found)
    const all = [...prepare, ...flip, ...convert, ...outlived, ...guards]
    const { steps, policies } = protect(context, found, all)
    const before = prepare.length
    return {
      prepare: steps.slice(0, before),
      flip: steps.slice(before, before + flip.length),
      convert: steps.slice(before + flip.length, before + flip.length + convert.length),
      end: steps.slice(before + flip.length + convert.length),
      policies,
    }
  })
  return {
    steps: (['prepare', 'flip', 'convert', 'end'] as const).flatMap((part) =>
      namespaces.flatMap((one) => one[part]),
    ),
    policies: namespaces.flatMap(({ policies }) => policies),
  }
}

function labelsOf({ snapshot, target }: StepContext): Labels {
  const found = readable(() => snapshot.items('namespace')).find(
    ({ metadata }) => metadata.name === target.namespace,
  )
  // Every API server sets this one; exported files may lack the Namespace itself.
  return found?.metadata.labels ?? { 'kubernetes.io/metadata.name': target.namespace }
}

function sourceOf({ source }: Snapshot): Plan['source'] {
  if (source.from === 'files') {
    const { directory, faults, assumed } = source
    return { from: 'files', directory, faults: [...faults], assumed: [...assumed] }
  }
  const { from, server, version, embedded } = source
  return { from, server, version, embedded }
}
