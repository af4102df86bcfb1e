import type { Snapshot } from '../inventory/snapshot.ts'
import type { PolicyEffect } from '../result/plan.ts'
import { type PlannedWork, planWork } from './build.ts'
import type { Intent } from './intent.ts'

export interface WorstEffect extends PolicyEffect {
  readonly verdict: string
  readonly step: string
}

const ranks: readonly PolicyEffect['effect'][] = ['same', 'stricter', 'altered', 'open']
const known = new WeakMap<Intent, PlannedWork>()

/** The least protection that each policy gives at any step of the plan for this intent. */
export function worstEffects(snapshot: Snapshot, intent: Intent): readonly WorstEffect[] {
  // Every policy check asks, and the answer is the same for all of them.
  const work =
    known.get(intent) ?? planWork(snapshot, intent, { id: 'preflight', createdAt: '1970-01-01' })
  known.set(intent, work)
  return work.policies.flatMap(({ policy, verdict, afterSteps }) => {
    const [worst] = [...afterSteps].sort(
      (a, b) => ranks.indexOf(b.effect) - ranks.indexOf(a.effect),
    )
    return worst === undefined ? [] : [{ ...worst, policy, verdict }]
  })
}
