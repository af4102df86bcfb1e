import { type NetworkPolicy, restrictsPorts } from '../plan/objects/network-policy.ts'
import { nameOf } from '../plan/selection.ts'
import type { PolicyEffect } from '../result/plan.ts'

/** What admitting port 15008 does to a NetworkPolicy. */
export function networkEffect(policy: NetworkPolicy, admitted: boolean): PolicyEffect {
  const open = admitted && restrictsPorts(policy)
  return {
    policy: nameOf(policy),
    effect: open ? 'open' : 'same',
    because: open
      ? 'ambient pods: whom it admits to some ports reaches every port through the tunnel on 15008, where no NetworkPolicy sees the port; an AuthorizationPolicy with `ports` can take its place'
      : 'admits whom it admitted',
  }
}
