import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requestedBy } from '../../reports/cost-model/requests.ts'

const shape = { pods: 200, nodes: 20, rps: 5000, l7Share: 1, waypoints: 5 }
const rounded = (value: number): number => Math.round(value * 1000) / 1000

test('a sidecar per pod and a ztunnel with istio-cni per node request what their charts say', () => {
  assert.deepEqual(
    requestedBy(shape).map(({ name, vcpu, gib, nodes }) => [
      name,
      rounded(vcpu),
      rounded(gib),
      nodes,
    ]),
    [
      ['sidecar', 20, 25, null],
      ['ambient', 6, 11.953, null],
      ['waypoint', 6.5, 12.578, null],
    ],
  )
})

const nodes = (
  node: readonly [number, number],
  pod: readonly [number, number],
  changes: Partial<typeof shape> = {},
): (number | null)[] =>
  requestedBy(
    { ...shape, ...changes },
    { node: { vcpu: node[0], gib: node[1] }, pod: { vcpu: pod[0], gib: pod[1] } },
  ).map((each) => each.nodes)

test('pods with a sidecar fill a node sooner, a ztunnel takes its room on every node', () => {
  // 11 pods of 0.35 vCPU in 4; 14 of 0.25 in 3.7, and two waypoints beside them.
  assert.deepEqual(nodes([4, 16], [0.25, 0.5]), [19, 15, 15])
})

test('where memory is short, memory decides', () => {
  // 3 pods of 2.125 GiB in 8; 3 of 2 in 7.4.
  assert.deepEqual(nodes([100, 8], [0.1, 2], { pods: 9, waypoints: 0 }), [3, 3, 3])
})

test('waypoints that find no room beside pods take nodes of their own', () => {
  // One pod fills the 0.7 vCPU that a ztunnel leaves; a node without pods has room for seven waypoints.
  assert.deepEqual(nodes([1, 8], [0.7, 1], { pods: 3, waypoints: 8 }), [3, 3, 5])
})

test('a pod that fits no node is said so, not divided by zero', () => {
  assert.deepEqual(nodes([0.25, 1], [0.1, 0.1]), [200, null, null])
  assert.deepEqual(nodes([0.2, 1], [0.25, 0.1]), [null, null, null])
})
