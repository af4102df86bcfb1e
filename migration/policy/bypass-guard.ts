import { type AuthorizationPolicy, targetRefsOf } from '../../cluster/mesh/istio-objects.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { canonical } from '../plan/digest.ts'
import { readable } from '../plan/mesh.ts'
import { matchLabelsOf } from '../plan/selection.ts'
import { actionOf, rulesOf } from './sources.ts'

/**
 * Whether a policy is there to refuse whoever comes past the waypoint: a DENY whose every rule leaves the
 * waypoint out. At the waypoint a copy of it would refuse everybody, since no client is the waypoint.
 */
export function guardsFromBypass(policy: AuthorizationPolicy, waypoint: string): boolean {
  const rules = rulesOf(policy)
  return (
    actionOf(policy) === 'DENY' &&
    targetRefsOf(policy.spec).length === 0 &&
    rules.length > 0 &&
    rules.every(
      ({ from = [] }) =>
        from.length > 0 &&
        from.every(({ source = {} }) => source.notPrincipals?.includes(waypoint) === true),
    )
  )
}

/** What those of a namespace select, in canonical form. */
export function guardedPolicies(
  snapshot: Snapshot,
  namespace: string,
  waypoint: string,
): readonly string[] {
  return readable(() => snapshot.items<AuthorizationPolicy>('authorizationPolicy'))
    .filter(({ metadata }) => metadata.namespace === namespace)
    .filter((policy) => guardsFromBypass(policy, waypoint))
    .map((policy) => canonical(matchLabelsOf(policy)))
}
