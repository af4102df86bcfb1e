import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertFits, mostProcesses } from '../../harness/deploy/capacity.ts'
import { modes } from '../../harness/modes.ts'
import { topologyWorkload } from '../../workloads/workload.ts'

const laptop = { cores: 2, memoryBytes: 8 * 2 ** 30 }

const tree = (services: number, replicas: number) =>
  topologyWorkload({
    name: 'tree',
    description: '',
    entry: 's0',
    services: Array.from({ length: services }, (_, index) => ({
      name: `s${index}`,
      replicas,
      port: 8080,
      script: [],
      responseBytes: 0,
    })),
  })

test('what a machine carries is bounded by its memory and by the time starting takes', () => {
  assert.equal(mostProcesses(laptop), 140)
  assert.equal(mostProcesses({ ...laptop, memoryBytes: 64 * 2 ** 30 }), 200)
})

test('a workload that fits is let through', () => {
  assertFits(tree(9, 1), modes, { replicas: null }, laptop)
  assertFits(tree(111, 1), ['baseline'], { replicas: null }, laptop)
})

test('one that does not is refused before it starts, with what would fit', () => {
  assert.throws(() => assertFits(tree(111, 6), modes, { replicas: null }, laptop), {
    exitCode: 2,
    message: 'tree needs 3340 processes (666 pods in 4 modes), this machine carries about 140',
    hint: 'only baseline with --replicas 1 would fit with 112; so would about 16 pods as asked',
  })
  assert.throws(() => assertFits(tree(20, 6), ['sidecar'], { replicas: null }, laptop), {
    message: 'tree needs 242 processes (120 pods in sidecar), this machine carries about 140',
    hint: '--replicas 1 would fit with 42; so would about 69 pods as asked',
  })
  assert.throws(() => assertFits(tree(2000, 1), ['ambient'], { replicas: null }, laptop), {
    hint: 'a graph of about 69 pods would fit',
  })
})
