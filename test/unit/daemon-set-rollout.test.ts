import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPodReady } from '../../cluster/controllers/conditions.ts'
import { replaceInPlace } from '../../cluster/controllers/daemon-set-rollout.ts'
import { kinds, type Pod } from '../../cluster/kinds.ts'

const pod = (name: string, nodeName: string, ready: boolean): Pod => ({
  ...kinds.pod,
  metadata: { name, namespace: 'shop' },
  spec: { nodeName, containers: [] },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
})
const removed = (pods: readonly Pod[]) =>
  replaceInPlace({
    nodes: ['a', 'b'],
    pods,
    isCurrent: ({ metadata }) => metadata.name.startsWith('new'),
    isAvailable: isPodReady,
  }).remove.map(({ metadata }) => metadata.name)

test('a daemon set replaces one pod at a time, and waits for every node to have a ready one', () => {
  assert.deepEqual(removed([pod('old-a', 'a', true), pod('old-b', 'b', true)]), ['old-a'])
  // The pod of node a has gone, its successor is not there yet.
  assert.deepEqual(removed([pod('old-b', 'b', true)]), [])
  assert.deepEqual(removed([pod('new-a', 'a', false), pod('old-b', 'b', true)]), [])
  assert.deepEqual(removed([pod('new-a', 'a', true), pod('old-b', 'b', true)]), ['old-b'])
  assert.deepEqual(removed([pod('new-a', 'a', true), pod('new-b', 'b', true)]), [])
})

test('an old pod that serves nobody is the first to go', () => {
  assert.deepEqual(removed([pod('old-a', 'a', true), pod('old-b', 'b', false)]), ['old-b'])
})
