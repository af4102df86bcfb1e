import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStore } from '../../cluster/api/memory-store.ts'
import { metricsAnswer } from '../../cluster/api/metrics.ts'
import { createEventRecorder, startEventCollector } from '../../cluster/controllers/events.ts'
import { createView } from '../../cluster/controllers/view.ts'
import { readProcesses } from '../../cluster/embedded/process-counters.ts'
import { type ProcessCounters, usageReader } from '../../cluster/embedded/usage.ts'
import { kinds } from '../../cluster/kinds.ts'

const pods = '/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods'

test('usage is what a process has used since it was last asked about', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 })
  const startedAt = new Date()
  const process = { container: { name: 'app' }, process: { pid: 7, startedAt } }
  const runner = { namespace: 'shop', name: 'web', node: 'n1', processes: () => [process] }
  let counters: ProcessCounters = { cpuUs: 500_000, memoryBytes: 64 * 1024 * 1024 }
  const usage = usageReader(
    () => [runner],
    (pids) => new Map(pids.map((pid) => [pid, counters])),
  )
  t.mock.timers.tick(10_000)
  const first = usage()[0]
  assert.deepEqual([first?.cpuCores, first?.windowMs], [0.05, 10_000], 'over its whole life')
  t.mock.timers.tick(2_000)
  counters = { ...counters, cpuUs: 1_500_000 }
  const second = usage()[0]
  assert.deepEqual([second?.cpuCores, second?.windowMs], [0.5, 2_000])
  const store = createStore()
  t.mock.timers.tick(2_000)
  const answer = Object(metricsAnswer(pods, new URLSearchParams(), { store, usage }))
  assert.equal(answer.kind, 'PodMetricsList')
  assert.deepEqual(answer.items[0].containers, [
    { name: 'app', usage: { cpu: '0n', memory: '65536Ki' } },
  ])
  const other = metricsAnswer(`${pods.replace('shop', 'other')}`, new URLSearchParams(), {
    store,
    usage,
  })
  assert.deepEqual(Object(other).items, [])
})

test('nobody measures: the answer says so', () => {
  const source = { store: createStore(), usage: undefined }
  assert.throws(() => metricsAnswer(pods, new URLSearchParams(), source), { status: 503 })
  assert.equal(metricsAnswer('/apis/apps/v1', new URLSearchParams(), source), undefined)
})

test('counters of a process are read from /proc', { skip: process.platform !== 'linux' }, () => {
  const own = readProcesses([process.pid, 2 ** 30]).get(process.pid)
  assert.ok(own !== undefined && own.memoryBytes > 10 * 1024 * 1024, `${own?.memoryBytes} bytes`)
  assert.equal(readProcesses([2 ** 30]).size, 0)
})

test('events are forgotten after an hour, unless what they tell has happened again', async (t) => {
  t.mock.timers.enable({ apis: ['Date', 'setInterval'], now: Date.UTC(2026, 0, 1) })
  const store = createStore()
  const view = createView(store)
  const collector = startEventCollector({
    store,
    view,
    onError: (error) => assert.fail(`${error}`),
  })
  const record = createEventRecorder(store, 'test')
  const namespace = store.get({ ...kinds.namespace, name: 'default' })
  assert.ok(namespace)
  record(namespace, { reason: 'Once', message: 'once' })
  record(namespace, { reason: 'Again', message: 'again' })
  t.mock.timers.tick(45 * 60_000)
  record(namespace, { reason: 'Again', message: 'again' })
  t.mock.timers.tick(30 * 60_000)
  const left = store.list(kinds.event)
  assert.deepEqual(
    left.map(({ reason, count }) => [reason, count]),
    [['Again', 2]],
  )
  await collector.stop()
  view.stop()
})
