import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../../cluster/kinds.ts'
import type { AuthorizationPolicy } from '../../../cluster/mesh/istio-objects.ts'
import { parseZtunnelDump } from '../../../migration/inventory/ztunnel-dump.ts'
import { conditionOf } from '../../../migration/verify/policy-accepted.ts'
import { differenceIn } from '../../../migration/verify/ztunnel-holds.ts'
import { pod, policy } from '../../support/snapshots.ts'

const waypoint = 'cluster.local/ns/shop/sa/waypoint'
const from = (...principals: string[]) => [{ from: [{ source: { principals } }] }]
const named = (name: string): Pod => {
  const { metadata, ...rest } = pod(name, { sidecar: false })
  return { ...rest, metadata: { ...metadata, name: `${name}-1` } } as Pod
}
const cart = named('cart')
const store = named('store')
const allow = (spec: Record<string, unknown>) => policy('p', spec) as AuthorizationPolicy

/** As a ztunnel of Istio writes it. */
const dump = (policies: readonly object[], applied: Readonly<Record<string, string[]>> = {}) =>
  parseZtunnelDump(
    { namespace: 'istio-system', name: 'ztunnel-x' },
    {
      policies,
      workloads: Object.entries(applied).map(([name, authorizationPolicies]) => ({
        uid: `Kubernetes//Pod/shop/${name}`,
        namespace: 'shop',
        name,
        protocol: 'HBONE',
        authorizationPolicies,
      })),
    },
  )
const held = (scope: string, ...principals: string[]) => ({
  name: 'p',
  namespace: 'shop',
  scope,
  action: 'Allow',
  rules: [[[{ principals: principals.map((Exact) => ({ Exact })) }]]],
})

test('a ztunnel that has not yet been told of the waypoint would refuse it', () => {
  const admitting = allow({ rules: from('cluster.local/ns/ops/sa/job', waypoint) })
  const before = dump([held('Namespace', 'cluster.local/ns/ops/sa/job')])
  assert.equal(differenceIn(before, admitting, []), `has shop/p without ${waypoint}`)
  const after = dump([held('Namespace', 'cluster.local/ns/ops/sa/job', waypoint)])
  assert.equal(differenceIn(after, admitting, []), undefined)
  assert.equal(differenceIn(dump([]), admitting, []), 'does not have shop/p yet')
})

test('a narrowed policy is proved by the pods that it has left', () => {
  const narrowed = allow({
    selector: { matchLabels: { app: 'cart', 'security.istio.io/tlsMode': 'istio' } },
    rules: from(waypoint),
  })
  const differs = (scope: string, applied: Record<string, string[]>) =>
    differenceIn(dump([held(scope, waypoint)], applied), narrowed, [cart, store])
  assert.equal(differs('Namespace', {}), 'has shop/p with the scope Namespace')
  assert.equal(
    differs('WorkloadSelector', { 'cart-1': ['shop/p'] }),
    'still applies shop/p to cart-1',
  )
  assert.equal(differs('WorkloadSelector', { 'cart-1': [], 'store-1': ['shop/q'] }), undefined)
})

test('a policy for selected pods has to be applied to each that the ztunnel knows', () => {
  const guard = allow({ selector: { matchLabels: { app: 'cart' } }, rules: from(waypoint) })
  const differs = (applied: Record<string, string[]>) =>
    differenceIn(dump([held('WorkloadSelector', waypoint)], applied), guard, [cart, store])
  assert.equal(differs({ 'cart-1': [] }), 'does not apply shop/p to cart-1')
  assert.equal(differs({ 'store-1': [] }), undefined, 'cart-1 is none of its own')
})

test('what no ztunnel is sent has to be gone', () => {
  const custom = allow({ action: 'CUSTOM', rules: [{}] })
  assert.equal(differenceIn(dump([held('Namespace')]), custom, []), 'still has shop/p')
  assert.equal(differenceIn(dump([]), custom, []), undefined)
})

test('True of an earlier version of a policy is no proof of this one', () => {
  const said = (observedGeneration?: number) => ({
    ...allow({ rules: [{}] }),
    metadata: { name: 'p', namespace: 'shop', generation: 3 },
    status: {
      conditions: [
        { type: 'ZtunnelAccepted', status: 'True', reason: 'Accepted', observedGeneration },
      ],
    },
  })
  assert.deepEqual(conditionOf(said(2), 'ZtunnelAccepted'), {
    accepted: false,
    why: 'that is said of an earlier version of it, Accepted',
  })
  assert.equal(conditionOf(said(3), 'ZtunnelAccepted').accepted, true)
  assert.equal(conditionOf(said(), 'ZtunnelAccepted').accepted, true, 'nobody says which')
})
