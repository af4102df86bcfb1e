import type { Pod } from '../../cluster/kinds.ts'
import { clausesOf } from '../../cluster/mesh/authorization-rules.ts'
import { guarded } from '../../cluster/mesh/guarded.ts'
import { type AuthorizationPolicy, targetRefsOf } from '../../cluster/mesh/istio-objects.ts'
import { meshLabels } from '../../cluster/mesh-labels.ts'
import { itemsIn } from '../inventory/by-namespace.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { canonical } from '../plan/digest.ts'
import type { Intent, NamespaceIntent } from '../plan/intent.ts'
import { readable } from '../plan/mesh.ts'
import { hasSidecar } from '../plan/pods.ts'
import { type Attachable, isForSidecarsOnly, reaching, reachOf } from '../plan/selection.ts'
import { type AtZtunnel, atZtunnel } from './at-ztunnel.ts'
import { guardsFromBypass } from './bypass-guard.ts'
import { actionOf, matchesPeer, rulesOf } from './sources.ts'
import { type Backed, backedServices, type Targets, targetsOf } from './waypoint-targets.ts'

/** A policy that pods of a namespace are under, and what the plan does about it. */
export interface Treatment {
  readonly policy: AuthorizationPolicy
  readonly converted: AtZtunnel
  /** Depends on who the TCP peer is, who behind a waypoint is the waypoint; or stands beside ALLOWs that do. */
  readonly asksPeer: boolean
  /** S6: the waypoint's own identity passes it. */
  readonly admitsWaypoint: boolean
  /** S7: through these services the waypoint enforces it; undefined when no copy is made. */
  readonly copiedTo: Targets | undefined
  /** A waypoint enforces it already: somebody made the copy before. */
  readonly hasTwin: boolean
  /** S8: no ztunnel will have it, sidecars keep it. */
  readonly narrowed: boolean
}

/** AuthorizationPolicies without targetRefs that reach the namespace. */
export function treatments(
  snapshot: Snapshot,
  intent: Intent,
  target: NamespaceIntent,
): readonly Treatment[] {
  const { namespace, waypoint } = target
  const all = readable(() => snapshot.items<AuthorizationPolicy>('authorizationPolicy'))
  const backed = backedServices(snapshot, namespace)
  const labelled = sidecarsAreLabelled(snapshot, namespace)
  const reached = reaching(all, reachOf(snapshot, namespace, intent.rootNamespace))
  const allowsMove = waypoint !== undefined && reached.some((one) => movesAllow(one, intent))
  const principal = `${intent.trustDomain}/ns/${namespace}/sa/${waypoint?.serviceAccount}`
  const isGuard = (policy: AuthorizationPolicy): boolean =>
    waypoint !== undefined && guarded(() => guardsFromBypass(policy, principal), false)
  return reached.map((policy) => {
    const converted = atZtunnel(policy, intent)
    const action = actionOf(policy)
    const asksPeer =
      !isGuard(policy) &&
      (guarded(() => rulesOf(policy).some(matchesPeer), true) || (allowsMove && action === 'ALLOW'))
    const imperfect = converted.tighter || converted.looser || converted.verdict === 'unattached'
    const own = policy.metadata.namespace === namespace
    const treatable =
      waypoint !== undefined &&
      isWellFormed(policy) &&
      action !== 'AUDIT' &&
      !converted.dryRun &&
      !isForSidecarsOnly(policy)
    const hasTwin = twinsOf(policy, all, namespace).length > 0
    const changeable = treatable && own && action !== 'CUSTOM'
    return {
      policy,
      converted,
      asksPeer,
      admitsWaypoint: changeable && asksPeer,
      copiedTo:
        treatable && !hasTwin && (imperfect || asksPeer) ? copyTargets(policy, backed) : undefined,
      hasTwin,
      narrowed: changeable && imperfect && converted.verdict !== 'unattached' && labelled,
    }
  })
}

/**
 * ALLOW policies admit together: once one is enforced by the waypoint, the others must be there too, and
 * what stays of them at the pod must let the waypoint through.
 */
function movesAllow(policy: AuthorizationPolicy, intent: Intent): boolean {
  if (actionOf(policy) !== 'ALLOW' || !isWellFormed(policy)) return false
  const { tighter, looser, dryRun } = atZtunnel(policy, intent)
  return !dryRun && (tighter || looser || rulesOf(policy).some(matchesPeer))
}

function isWellFormed(policy: AuthorizationPolicy): boolean {
  return guarded(() => rulesOf(policy).every((rule) => clausesOf(rule, '') !== undefined), false)
}

function copyTargets(policy: Attachable, backed: readonly Backed[]): Targets | undefined {
  const targets = targetsOf(policy, backed)
  return targets.services.length > 0 ? targets : undefined
}

/** Same rules, attached to a waypoint or a service. */
export function twinsOf<T extends Attachable>(
  policy: T,
  all: readonly T[],
  namespace: string,
): readonly T[] {
  const rulesIn = ({ spec }: Attachable): string => {
    const { selector, targetRef, targetRefs, ...rest } = (spec ?? {}) as Record<string, unknown>
    return canonical(rest)
  }
  const wanted = rulesIn(policy)
  return all.filter(
    (other) =>
      other.metadata.namespace === namespace &&
      targetRefsOf(other.spec).length > 0 &&
      rulesIn(other) === wanted,
  )
}

/** An injection template may leave the label out: then narrowing would take policies from sidecars. */
function sidecarsAreLabelled(snapshot: Snapshot, namespace: string): boolean {
  return readable(() => itemsIn<Pod>(snapshot, 'pod', namespace))
    .filter(hasSidecar)
    .every(({ metadata }) => metadata.labels?.[meshLabels.tlsMode] === 'istio')
}
