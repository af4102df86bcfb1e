import type { PolicyEffect } from '../result/plan.ts'
import { type Exposure, exposures } from './exposure.ts'
import type { Judged } from './judged.ts'
import type { CallerClass, PodState, Situation } from './situation.ts'

export function effectOf(policy: Judged, situation: Situation): PolicyEffect {
  const found = exposures(policy, situation)
  const looser = found.filter((one) => one.looser && !one.tighter)
  const tighter = found.filter((one) => one.tighter && !one.looser)
  const altered = found.filter((one) => one.tighter && one.looser)
  const effect =
    looser.length > 0
      ? 'open'
      : altered.length > 0
        ? 'altered'
        : tighter.length > 0
          ? 'stricter'
          : 'same'
  const parts = [
    ...sentences('no longer protected against', looser),
    ...sentences('another policy for', altered),
    ...sentences('refuses more of', tighter),
  ]
  return {
    policy: policy.name,
    effect,
    because:
      parts.length === 0
        ? whyTheSame(policy, situation)
        : `${parts.join('; ')}: ${reason(policy, situation)}`,
  }
}

const callers: Readonly<Record<CallerClass, string>> = {
  ambient: 'ambient clients',
  sidecar: 'clients with a sidecar',
  'pod-address': 'mesh clients that address a pod',
  plaintext: 'plaintext clients',
  ingress: 'the ingress gateway',
}

const pods: Readonly<Record<PodState, string>> = {
  sidecar: 'pods that keep their sidecar',
  ambient: 'ambient pods',
  none: 'pods without a sidecar',
}

/** One for each kind of pod: `ambient pods: no longer protected against plaintext clients`. */
function sentences(what: string, found: readonly Exposure[]): readonly string[] {
  const states = [...new Set(found.map((one) => one.pods.is))]
  return states.map((state) => {
    const who = new Set(found.filter((one) => one.pods.is === state).map((one) => one.caller))
    const names = (Object.keys(callers) as CallerClass[]).filter((one) => who.has(one))
    return `${pods[state]}: ${what} ${names.map((one) => callers[one]).join(', ')}`
  })
}

function reason(policy: Judged, situation: Situation): string {
  const skipped =
    situation.bound && policy.copied !== 'none'
      ? 'the waypoint enforces it, and they do not come through it; '
      : ''
  const admitted = policy.asksPeer && situation.bound && !policy.admitsWaypoint
  const mistaken = admitted ? '; behind the waypoint the caller is taken to be the waypoint' : ''
  return `${skipped}${policy.because}${mistaken}`
}

function whyTheSame(policy: Judged, { pods: lineages, bound }: Situation): string {
  if (lineages.every(({ was, is }) => was === is)) return 'every pod is what it was'
  return bound && policy.copied !== 'none'
    ? 'enforced at the waypoint and at the pod'
    : policy.because
}
