import type { PeerAuthentication } from '../../cluster/kinds.ts'
import { selects, targetRefsOf } from '../../cluster/mesh/istio-objects.ts'
import { meshLabels } from '../../cluster/mesh-labels.ts'
import { callersOf } from '../policy/callers.ts'
import { effectOf } from '../policy/effects.ts'
import { type Judged, judgedPolicy } from '../policy/judged.ts'
import { networkEffect } from '../policy/network.ts'
import { peerEffect } from '../policy/peers.ts'
import type { Lineage, Situation } from '../policy/situation.ts'
import type { Plan, PolicyEffect, Step } from '../result/plan.ts'
import { readable } from './mesh.ts'
import { type Attachable, nameOf, reachOf } from './selection.ts'
import { exceptions, guardedServices } from './steps/bypass.ts'
import type { StepContext } from './steps/context.ts'
import { blockingPolicies } from './steps/network.ts'
import type { Attached, Treated } from './treated.ts'

type PolicyRow = Plan['policies'][number]

export interface Protection {
  readonly steps: readonly Step[]
  readonly policies: readonly PolicyRow[]
}

interface Watched {
  readonly row: Omit<PolicyRow, 'afterSteps'>
  readonly effect: (situation: Situation, done: ReadonlySet<string>) => PolicyEffect
}

/**
 * Says at every step of a namespace what becomes of each policy its pods are under; a step lists those
 * that it changes.
 */
export function protect(
  context: StepContext,
  treated: Treated,
  steps: readonly Step[],
): Protection {
  const watched = [...watchedPolicies(context, treated), ...guards(context, steps)]
  const after = watched.map(() => [] as (PolicyEffect & { step: string })[])
  const done = new Set<string>()
  const told = new Map<string, string>()
  const judged = steps.map((step): Step => {
    done.add(step.phase)
    const situation = situationAfter(context, done)
    const effects = watched.flatMap(({ effect }, index) => {
      const now = effect(situation, done)
      after[index]?.push({ ...now, step: step.id })
      const key = `${now.effect} ${now.because}`
      const changed =
        told.get(now.policy) !== key && (told.has(now.policy) || now.effect !== 'same')
      told.set(now.policy, key)
      return changed ? [now] : []
    })
    return { ...step, effects }
  })
  return {
    steps: judged,
    policies: watched.map(({ row }, index) => ({ ...row, afterSteps: after[index] ?? [] })),
  }
}

/** By the steps done so far: what is not planned counts as it was found. */
export function situationAfter(context: StepContext, done: ReadonlySet<string>): Situation {
  const { snapshot, intent, target } = context
  const turned = done.has('S10') || target.state === 'ambient' || target.state === 'mixed'
  // What it requires: it is not carried out before.
  const sidecarsGone = done.has('S12') || done.has('S13')
  const bound = target.waypoint !== undefined && (done.has('S9') || target.waypoint.bound)
  return {
    pods: lineages(context, turned, done.has('S11') || sidecarsGone),
    callers: callersOf(snapshot, intent, target, turned).filter(
      (one) => !(sidecarsGone && one === 'sidecar'),
    ),
    bound,
    ingressBound: bound && target.ingressUsesWaypoint,
    admitted: done.has('S6'),
    copied: done.has('S7'),
    narrowed: done.has('S8'),
    guarded: done.has('S13') && guardsEverybody(context),
  }
}

/** Only what is refused to every caller of every pod can stand for a policy that is gone. */
function guardsEverybody(context: StepContext): boolean {
  const { principals, ports } = exceptions(context)
  const selectors = guardedServices(context).map(({ service }) => service.spec.selector ?? {})
  const { snapshot, intent, target } = context
  return (
    principals.length + ports.length === 0 &&
    reachOf(snapshot, target.namespace, intent.rootNamespace)
      .pods.filter((labels) => labels[meshLabels.gatewayName] === undefined)
      .every((labels) =>
        selectors.some((matchLabels) => selects({ selector: { matchLabels } }, labels)),
      )
  )
}

/** What S13 makes: nobody is under it before. */
function guards({ target }: StepContext, steps: readonly Step[]): readonly Watched[] {
  return steps
    .filter(({ phase }) => phase === 'S13')
    .flatMap(({ calls }) => calls)
    .map(({ ref }): Watched => {
      const policy = `${ref.kind} ${ref.namespace}/${ref.name}`
      return {
        row: { policy, today: 'not there yet', verdict: 'exact' },
        effect: (_, done) =>
          done.has('S13')
            ? {
                policy,
                effect: 'stricter',
                because: `its pods refuse whoever does not come through the waypoint ${target.waypoint?.name}`,
              }
            : { policy, effect: 'same', because: 'S13 makes it' },
      }
    })
}

function lineages(
  { intent, target }: StepContext,
  turned: boolean,
  converted: boolean,
): readonly Lineage[] {
  const { state } = target
  const out: Lineage[] = []
  if (state === 'sidecar' || state === 'mixed') {
    if (!turned || !(intent.liveTakeover || converted)) out.push({ was: 'sidecar', is: 'sidecar' })
    if (turned) out.push({ was: 'sidecar', is: 'ambient' })
  }
  if (state === 'ambient' || state === 'mixed') out.push({ was: 'ambient', is: 'ambient' })
  if (target.hasBarePods) out.push({ was: 'none', is: turned ? 'ambient' : 'none' })
  return out
}

function watchedPolicies(context: StepContext, treated: Treated): readonly Watched[] {
  const { snapshot, intent, target } = context
  const authorization = treated.policies.map((treatment): Watched => {
    const judged = judgedPolicy(treatment, treated.policies)
    const { verdict } = treatment.converted
    const today = judged.enforcedToday ? 'enforced by sidecars' : 'a dry run: enforced by nobody'
    return watch(judged, today, verdict)
  })
  const authentications = treated.authentications.map((attached) =>
    watch(judgedAuthentication(attached), 'tokens are checked by sidecars', 'not-sent'),
  )
  const { namespace } = target
  const homes = [namespace, intent.rootNamespace]
  const peers = readable(() => snapshot.items<PeerAuthentication>('peerAuthentication'))
    .filter(({ metadata }) => homes.includes(metadata.namespace ?? ''))
    .map(
      (policy): Watched => ({
        row: { policy: nameOf(policy), today: 'enforced by sidecars', verdict: 'exact' },
        effect: (situation) => peerEffect(policy, situation),
      }),
    )
  const networks = blockingPolicies(snapshot, namespace).map(
    (policy): Watched => ({
      row: { policy: nameOf(policy), today: 'enforced by the network', verdict: 'exact' },
      effect: (_, done) => networkEffect(policy, done.has('S4')),
    }),
  )
  return [...authorization, ...authentications, ...targeted(context), ...peers, ...networks]
}

function watch(judged: Judged, today: string, verdict: string): Watched {
  return {
    row: { policy: judged.name, today, verdict },
    effect: (situation) => effectOf(judged, situation),
  }
}

/** Tokens: no ztunnel looks at them. */
export function judgedAuthentication({ object, hasTwin, copiedTo }: Attached): Judged {
  return {
    name: nameOf(object),
    comparable: {
      conversion: { tighter: false, looser: true },
      acts: { full: true, ztunnel: false },
      oneOfSeveralAllows: false,
    },
    enforcedToday: true,
    sent: false,
    asksPeer: false,
    admitsWaypoint: false,
    copied: hasTwin ? 'there' : copiedTo === undefined ? 'none' : 'planned',
    copiedPartly: (copiedTo?.partly.length ?? 0) > 0,
    narrowed: false,
    because: 'ztunnels do not look at tokens',
  }
}

/** Policies with targetRefs act once something they name is bound, and never before. */
function targeted({ snapshot, target }: StepContext): readonly Watched[] {
  return readable(() => snapshot.items<Attachable>('authorizationPolicy'))
    .filter(
      ({ metadata, spec }) =>
        metadata.namespace === target.namespace && targetRefsOf(spec).length > 0,
    )
    .map((policy): Watched => {
      const bound = target.waypoint?.bound === true
      return {
        row: {
          policy: nameOf(policy),
          today: bound ? 'enforced by the waypoint' : 'enforced by nobody: no waypoint is bound',
          verdict: 'waypoint-only',
        },
        effect: (situation) => ({
          policy: nameOf(policy),
          effect: situation.bound && !bound ? 'stricter' : 'same',
          because: situation.bound
            ? 'the waypoint enforces it for ambient clients'
            : 'only a waypoint enforces it',
        }),
      }
    })
}
