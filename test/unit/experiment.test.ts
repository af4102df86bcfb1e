import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, test } from 'node:test'
import { findWorkload } from '../../harness/deploy/workload.ts'
import { describeCluster } from '../../harness/environment/cluster.ts'
import type { ExperimentEvent } from '../../harness/experiment/events.ts'
import type { Measured } from '../../harness/experiment/record.ts'
import { runExperiment } from '../../harness/experiment/run.ts'
import type { RunOptions, Window } from '../../harness/result/schema.ts'
import { FakeCluster, type FakeClusterOptions, healthyLoad } from '../support/fake-cluster.ts'
import { runOptions } from '../support/windows.ts'

let cluster = new FakeCluster()
afterEach(() => cluster.stop())

async function experiment(
  fake: FakeClusterOptions = {},
  options: Partial<RunOptions> = {},
  signal?: AbortSignal,
): Promise<{ measured: Measured; events: ExperimentEvent[] }> {
  cluster = new FakeCluster(fake)
  const events: ExperimentEvent[] = []
  const measured = await runExperiment({
    client: cluster.client,
    options: runOptions({ rounds: 2, ...options }),
    workload: findWorkload('echo'),
    generatorImage: 'meshbench/load',
    onEvent: (event) => events.push(event),
    signal,
  })
  return { measured, events }
}

const windowsOf = (measured: Measured, mode: 'sidecar' | 'ambient' | 'baseline'): Window[] =>
  measured.modes.get(mode)?.windows ?? []
/** Warnings depend on what else this machine does right now. */
const codes = (window: Window | undefined): string[] =>
  (window?.findings ?? []).filter(({ severity }) => severity === 'error').map(({ code }) => code)
const named = (kind: string, name: string) =>
  cluster.objects.find((object) => object.kind === kind && object.metadata.name === name)

test('every mode is measured once per round, in the order of the schedule', async () => {
  const { measured, events } = await experiment()
  const counts = [...measured.modes].map(([mode, { windows }]) => [mode, windows.length])
  assert.deepEqual(counts, [
    ['baseline', 2],
    ['sidecar', 2],
    ['ambient', 2],
    ['waypoint', 2],
  ])
  const started = events.filter((event) => event.type === 'window-start')
  assert.deepEqual(
    started.map(({ index, total }) => `${index}/${total}`),
    ['1/8', '2/8', '3/8', '4/8', '5/8', '6/8', '7/8', '8/8'],
  )
  const proofs = [...measured.modes].map(([, { windows }]) =>
    windows.every(({ proof }) => proof?.ok === true && proof.evidence.length > 0),
  )
  assert.deepEqual(proofs, [true, true, true, true])
})

test('labels alone tell the modes apart', async () => {
  await experiment()
  const labels = (name: string) => named('Namespace', name)?.metadata.labels
  assert.deepEqual(labels('mb-baseline'), {})
  assert.deepEqual(labels('mb-sidecar'), { 'istio-injection': 'enabled' })
  assert.deepEqual(labels('mb-ambient'), { 'istio.io/dataplane-mode': 'ambient' })
  assert.deepEqual(labels('mb-waypoint'), { 'istio.io/dataplane-mode': 'ambient' })
  const bound = cluster.objects
    .filter(({ kind }) => kind === 'Service')
    .map(({ metadata }) => [metadata.namespace, metadata.labels?.['istio.io/use-waypoint']])
  assert.deepEqual(bound, [
    ['mb-baseline', undefined],
    ['mb-sidecar', undefined],
    ['mb-ambient', undefined],
    ['mb-waypoint', 'waypoint'],
  ])
  const nodes = cluster.objects
    .filter(({ kind, metadata }) => kind === 'Node' && metadata.labels?.['meshbench.dev/ztunnel'])
    .map(({ metadata }) => metadata.name)
  assert.deepEqual(nodes.sort(), [
    'ambient-client',
    'ambient-server',
    'waypoint-client',
    'waypoint-server',
  ])
})

test('on the same node, load and workload share a ztunnel that still proves its tunnels', async () => {
  const { measured } = await experiment({}, { modes: ['ambient'], sameNode: true })
  const nodes = cluster.objects.filter(({ kind }) => kind === 'Node')
  assert.deepEqual(
    nodes.map(({ metadata }) => metadata.name),
    ['ambient-server'],
  )
  const [window] = windowsOf(measured, 'ambient')
  assert.equal(window?.cpu.ztunnel?.processes, 1)
  assert.match(window?.proof?.evidence.join() ?? '', /bytes over mutual TLS at 1 ztunnel$/)
})

test('a run keeps how many workers its proxies have, and how traffic gets into them', async () => {
  const { measured } = await experiment({}, { modes: ['baseline'], rounds: 1 })
  const { kind, proxyWorkers, capture } = measured.cluster
  assert.deepEqual([kind, proxyWorkers], ['embedded', 1])
  assert.match(capture ?? '', /no CNI plugin/)
  // Of a cluster that is not ours neither is known.
  const real = describeCluster({ gitVersion: 'v1.30.0', embedded: false })
  assert.deepEqual(real, { kind: 'kubernetes', version: 'v1.30.0' })
  const compiled = new URL('../../proxies/', import.meta.url)
  const modules = readdirSync(compiled, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js'))
    .map((name) => readFileSync(new URL(name, compiled), 'utf8'))
  assert.ok(modules.length > 50)
  for (const text of modules) assert.doesNotMatch(text, /from 'node:(worker_threads|cluster)'/)
})

test('all modes of a round get the same arrivals, another round gets others', async () => {
  await experiment()
  const measuredPlans = cluster.plans.filter(({ plan }) => plan.warmupMs > 0)
  const seeds = new Set(measuredPlans.map(({ plan }) => plan.seed))
  assert.equal(measuredPlans.length, 8)
  assert.equal(seeds.size, 2)
})

test('cost is kept by role, and the waiting modes are no part of it', async () => {
  const { measured } = await experiment()
  const [window] = windowsOf(measured, 'sidecar')
  const processes = Object.entries(window?.cpu ?? {}).map(([role, cpu]) => [role, cpu.processes])
  assert.deepEqual(Object.fromEntries(processes), {
    app: 1,
    sidecar: 2,
    generator: 1,
    controlPlane: 1,
  })
  assert.deepEqual(codes(window), [])
  if (process.platform === 'linux') {
    assert.ok((window?.memory.controlPlane?.pssBytes ?? 0) > 10e6)
    assert.ok((window?.nodeCpu?.idleModesUs ?? -1) >= 0)
  }
})

test('a proxy killed mid-window makes that window invalid, and the run goes on', async () => {
  let windows = 0
  const { measured } = await experiment(
    {
      load: async (load) => {
        if (load.plan.warmupMs === 0) return healthyLoad(load)
        windows += load.namespace === 'mb-ambient' ? 1 : 0
        load.send({ event: 'window-start', atMs: Date.now() })
        if (load.namespace === 'mb-ambient' && windows === 1) {
          const [ztunnel] = cluster.pods('istio-system')
          if (ztunnel !== undefined) cluster.kill(ztunnel)
        }
        await healthyLoad({ ...load, send: (e) => e.event !== 'window-start' && load.send(e) })
      },
    },
    { modes: ['baseline', 'ambient'] },
  )
  assert.equal(windowsOf(measured, 'baseline').length, 2)
  const [first] = windowsOf(measured, 'ambient')
  assert.deepEqual(codes(first), ['proxy-restarted'])
  assert.match(first?.findings[0]?.message ?? '', /ztunnel-ambient-client\/istio-proxy ended/)
})

test('a window that fails stays in the record with its reason, and the run goes on', async () => {
  let failed = false
  const { measured } = await experiment(
    {
      load: async (load) => {
        if (load.plan.warmupMs === 0 || failed) return healthyLoad(load)
        failed = true
        load.send({ event: 'error', code: 'no-target', message: 'ECHO_SERVICE_HOST is not set' })
      },
    },
    { modes: ['baseline'], rounds: 3 },
  )
  const windows = windowsOf(measured, 'baseline')
  assert.deepEqual(windows.map(codes), [['window-failed'], [], []])
  assert.match(windows[0]?.findings[0]?.message ?? '', /ECHO_SERVICE_HOST is not set/)
})

test('a generator that dies before its result is a failed window', async () => {
  const { measured } = await experiment(
    {
      load: async (load) => {
        if (load.plan.warmupMs === 0) return healthyLoad(load)
        load.send({ event: 'window-start', atMs: Date.now() })
      },
    },
    { modes: ['baseline'], rounds: 1 },
  )
  const [window] = windowsOf(measured, 'baseline')
  assert.match(window?.findings[0]?.message ?? '', /went away before it had a result/)
})

test('proxies that counted nothing make the window invalid', async () => {
  const { measured } = await experiment({ idleProxies: true }, { modes: ['baseline', 'sidecar'] })
  assert.deepEqual(windowsOf(measured, 'sidecar').map(codes), [
    ['mode-not-verified'],
    ['mode-not-verified'],
  ])
  assert.deepEqual(windowsOf(measured, 'baseline').map(codes), [[], []])
})

test('an abort mid-window keeps the windows before it', async () => {
  const controller = new AbortController()
  let windows = 0
  const { measured } = await experiment(
    {
      load: async (load) => {
        windows += load.plan.warmupMs > 0 ? 1 : 0
        if (windows < 3) return healthyLoad(load)
        load.send({ event: 'window-start', atMs: Date.now() })
        controller.abort(new Error('stopped by SIGINT'))
        await new Promise(() => undefined)
      },
    },
    {},
    controller.signal,
  )
  const kept = [...measured.modes.values()].flatMap((mode) => mode.windows)
  assert.equal(kept.length, 2)
  assert.deepEqual(kept.flatMap(codes), [])
})

test('a pod that does not get ready is named with its state and its last words', async () => {
  await assert.rejects(
    experiment({ broken: 'echo' }, { modes: ['sidecar'] }),
    (error: Error & { exitCode?: number }) => {
      assert.match(error.message, /^mb-sidecar\/echo-0 is Running: container echo waiting, Crash/)
      assert.match(error.message, /listening failed: address in use/)
      return error.exitCode === 5
    },
  )
})
