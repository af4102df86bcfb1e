import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { planSessions } from '../../cli/sweep/sessions.ts'
import { findWorkload } from '../../harness/deploy/workload.ts'
import type { ExperimentEvent } from '../../harness/experiment/events.ts'
import { runPoints } from '../../harness/experiment/run.ts'
import { type RunOptions, window } from '../../harness/result/schema.ts'
import { schedulePoints } from '../../harness/schedule/blocks.ts'
import { FakeCluster } from '../support/fake-cluster.ts'
import { runOptions } from '../support/windows.ts'

let cluster = new FakeCluster()
afterEach(() => cluster.stop())

const point = (label: string, options: Partial<RunOptions>) => ({
  label,
  options: runOptions({ modes: ['sidecar', 'ambient'], rounds: 3, ...options }),
})

test('a round of a sweep holds every mode at every point once, in an order of its own', () => {
  const modes = ['sidecar', 'ambient', 'waypoint'] as const
  const schedule = schedulePoints({ modes, points: 3, rounds: 4, seed: 5 })
  const rounds = [1, 2, 3, 4].map((round) => schedule.filter((cell) => cell.round === round))
  for (const cells of rounds) {
    const names = cells.map(({ mode, point: at }) => `${mode} ${at}`)
    assert.equal(new Set(names).size, 9)
  }
  const orders = rounds.map((cells) =>
    JSON.stringify(cells.map(({ mode, point: at }) => [mode, at])),
  )
  assert.equal(new Set(orders).size, 4)
  // Not one point after the other: some round leaves a point and comes back to it.
  const visits = (rounds[0] ?? []).map(({ point: at }) => at)
  assert.notDeepEqual(visits, visits.toSorted())
})

test('points of different load share one deployment for all rounds', () => {
  const points = [
    point('rate 100', { ratePerSecond: 100 }),
    point('rate 300', { ratePerSecond: 300 }),
  ]
  assert.deepEqual(planSessions(points, 7), [{ points, rounds: [1, 2, 3] }])
})

test('points that need other pods take turns round by round, never one after the other', () => {
  const points = [1, 2, 4].map((n) => point(`workloads-per-node ${n}`, { workloadsPerNode: n }))
  const sessions = planSessions(points, 7)
  const visits = sessions.flatMap(({ points: [only], rounds }) =>
    rounds.map((round) => `${round} ${only?.label}`),
  )
  assert.equal(new Set(visits).size, 9)
  assert.deepEqual(
    visits.map((visit) => visit[0]),
    ['1', '1', '1', '2', '2', '2', '3', '3', '3'],
  )
})

test('two rates on one cluster become two records of their own windows', async () => {
  cluster = new FakeCluster({})
  const events: ExperimentEvent[] = []
  const points = [
    point('rate 100', { ratePerSecond: 100 }),
    point('rate 300', { ratePerSecond: 300 }),
  ]
  const measured = await runPoints({
    client: cluster.client,
    points,
    rounds: [1, 3],
    workload: findWorkload('echo'),
    generatorImage: 'meshbench/load',
    onEvent: (event) => events.push(event),
  })
  assert.equal(measured.length, 2)
  for (const { modes, order } of measured) {
    for (const { windows } of modes.values()) {
      assert.deepEqual(
        windows.map(({ round }) => round),
        [1, 3],
      )
      for (const one of windows) window.parse(one)
    }
    assert.equal(order?.length, 4)
  }
  const positions = measured.flatMap(({ modes }) =>
    [...modes.values()].flatMap(({ windows }) => windows.map(({ position }) => position)),
  )
  assert.deepEqual(
    positions.toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7],
  )
  const labels = events.flatMap((event) => (event.type === 'window-start' ? [event.point] : []))
  assert.deepEqual(new Set(labels), new Set(['rate 100', 'rate 300']))
})

test('copies beside the workload are in the mesh, on its node, without load and without waypoint', async () => {
  cluster = new FakeCluster({})
  await runPoints({
    client: cluster.client,
    points: [point('', { modes: ['sidecar', 'waypoint'], workloadsPerNode: 3, rounds: 1 })],
    rounds: [1],
    workload: findWorkload('echo'),
    generatorImage: 'meshbench/load',
  })
  const of = (kind: string) => cluster.objects.filter((object) => object.kind === kind)
  const labels = new Map(of('Namespace').map(({ metadata }) => [metadata.name, metadata.labels]))
  assert.deepEqual(labels.get('mb-sidecar-2'), { 'istio-injection': 'enabled' })
  assert.deepEqual(labels.get('mb-waypoint-3'), { 'istio.io/dataplane-mode': 'ambient' })
  const deployments = of('Deployment').map(
    ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
  )
  assert.deepEqual(deployments.filter((name) => name.startsWith('mb-sidecar')).toSorted(), [
    'mb-sidecar-2/echo',
    'mb-sidecar-3/echo',
    'mb-sidecar/echo',
    'mb-sidecar/load',
  ])
  const bound = of('Service').filter(({ metadata }) => metadata.labels?.['istio.io/use-waypoint'])
  assert.deepEqual(
    bound.map(({ metadata }) => metadata.namespace),
    ['mb-waypoint'],
  )
})
