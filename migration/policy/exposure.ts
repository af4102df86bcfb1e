import { bothOf, type Change, compareEnforcement, type Enforcement } from './enforcement.ts'
import type { Judged } from './judged.ts'
import { type CallerClass, goesThroughWaypoint, type Lineage, type Situation } from './situation.ts'

/** What a policy has become for one kind of caller of one kind of pod, against today. */
export interface Exposure extends Change {
  readonly caller: CallerClass
  readonly pods: Lineage
}

export function exposures(policy: Judged, situation: Situation): readonly Exposure[] {
  return situation.pods.flatMap((pods) =>
    situation.callers.map((caller) => ({
      caller,
      pods,
      ...changeFor(policy, pods, caller, situation),
    })),
  )
}

const same: Change = { tighter: false, looser: false }

function changeFor(
  policy: Judged,
  pods: Lineage,
  caller: CallerClass,
  situation: Situation,
): Change {
  const { comparable } = policy
  const before = todayAt(policy, pods.was)
  const narrowed = situation.narrowed && policy.narrowed
  const atPod = pods.is === 'ambient' && narrowed ? 'none' : todayAt(policy, pods.is)
  if (situation.guarded && pods.is === 'ambient' && !goesThroughWaypoint(caller, situation)) {
    return compareEnforcement(before, 'refused', comparable)
  }
  // Pods outside the mesh have no tunnel that a waypoint could use.
  if (pods.is === 'none' || !goesThroughWaypoint(caller, situation)) {
    return compareEnforcement(before, atPod, comparable)
  }
  return throughWaypoint(policy, before, atPod, situation)
}

function todayAt(policy: Judged, state: Lineage['was']): Enforcement {
  if (state === 'sidecar') return policy.enforcedToday ? 'full' : 'none'
  return state === 'ambient' && policy.sent ? 'ztunnel' : 'none'
}

/**
 * Two stand in the way: the waypoint, which knows the caller, and whoever is at the pod, who takes the
 * waypoint for the caller.
 */
function throughWaypoint(
  policy: Judged,
  before: Enforcement,
  atPod: Enforcement,
  situation: Situation,
): Change {
  const { comparable, asksPeer } = policy
  const copied = policy.copied === 'there' || (policy.copied === 'planned' && situation.copied)
  const admitted = policy.admitsWaypoint && situation.admitted
  if (!copied) {
    const mistaken = asksPeer && atPod !== 'none'
    return mistaken
      ? { tighter: true, looser: true }
      : compareEnforcement(before, atPod, comparable)
  }
  const atWaypoint = compareEnforcement(before, 'full', comparable)
  const spill = policy.copiedPartly
    ? { tighter: true, looser: comparable.oneOfSeveralAllows }
    : same
  return bothOf(bothOf(atWaypoint, spill), besides(atPod, admitted))

  /** What the pod refuses on top. */
  function besides(pod: Enforcement, waypointPasses: boolean): Change {
    if (pod === 'none') return same
    if (asksPeer && !waypointPasses) return { tighter: true, looser: false }
    const exact = pod === 'full' || !comparable.conversion.tighter
    return exact ? same : { tighter: true, looser: false }
  }
}
