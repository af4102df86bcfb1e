import type { AuthorizationRule } from '../../cluster/mesh/authorization-rules.ts'
import type { AuthorizationPolicy } from '../../cluster/mesh/istio-objects.ts'
import { meshLabels } from '../../cluster/mesh-labels.ts'
import { actionOf, matchesPeer, rulesOf } from './sources.ts'

export type Spec = NonNullable<AuthorizationPolicy['spec']>

/**
 * S6: whoever stands at the pod takes the waypoint for the caller and must let it through; the caller
 * itself is judged at the waypoint. An ALLOW gets one more rule; rules of a DENY that ask who calls leave the
 * waypoint out.
 */
export function admittingWaypoint(policy: AuthorizationPolicy, principal: string): Spec {
  const rules = rulesOf(policy)
  if (actionOf(policy) === 'ALLOW') {
    const admitted = { from: [{ source: { principals: [principal] } }] }
    return { ...policy.spec, rules: [...rules, admitted] }
  }
  const leaveOut = { key: 'source.principal', notValues: [principal] }
  return {
    ...policy.spec,
    rules: rules.map(
      (rule): AuthorizationRule =>
        matchesPeer(rule) ? { ...rule, when: [...(rule.when ?? []), leaveOut] } : rule,
    ),
  }
}

/**
 * S8: selects pods with a sidecar only. The injector labels those, and nothing else carries the label
 * (istio/istio manifests/charts/istio-control/istio-discovery/files/injection-template.yaml), so that
 * sidecars go on enforcing the policy while no ztunnel gets it.
 */
export function narrowedToSidecars(spec: Spec | undefined): Spec {
  const matchLabels = { ...spec?.selector?.matchLabels, [meshLabels.tlsMode]: 'istio' }
  return { ...spec, selector: { ...spec?.selector, matchLabels } }
}
