import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DaemonSet, Deployment, Pod, StatefulSet } from '../../../cluster/kinds.ts'
import { kinds } from '../../../cluster/kinds.ts'
import { takenAway } from '../../../migration/execute/budgets.ts'
import { comparePods, identityOf, workloadOf } from '../../../migration/execute/pods.ts'
import { seriesOf } from '../../../migration/inventory/metrics.ts'
import { membershipOf } from '../../../migration/verify/pods.ts'
import { arrivalIn } from '../../../migration/verify/probe.ts'
import { rolloutOf } from '../../../migration/verify/rolled-out.ts'
import { countTraffic } from '../../../migration/verify/traffic.ts'
import { countCarried } from '../../../migration/verify/ztunnel-metrics.ts'

function pod(
  name: string,
  more: {
    readonly annotations?: Record<string, string>
    readonly labels?: Record<string, string>
    readonly hostNetwork?: boolean
    readonly restarts?: number
    readonly uid?: string
    readonly startedAt?: string
    readonly phase?: 'Running' | 'Succeeded'
  } = {},
): Pod {
  const { annotations = {}, labels = {}, hostNetwork, restarts = 0, uid = name } = more
  const { startedAt = '2026-11-20T08:00:00Z', phase = 'Running' } = more
  return {
    ...kinds.pod,
    metadata: { name, namespace: 'shop', uid, annotations, labels },
    spec: { containers: [], ...(hostNetwork && { hostNetwork }) },
    status: {
      phase,
      startTime: '2026-11-20T07:59:00Z',
      containerStatuses: [
        {
          name: 'app',
          image: '',
          imageID: '',
          ready: true,
          started: true,
          restartCount: restarts,
          state: { running: { startedAt } },
          lastState: {},
        },
      ],
    },
  }
}

const sidecar = { 'sidecar.istio.io/status': '{}' }
const enabled = { 'ambient.istio.io/redirection': 'enabled' }
const ambient = { 'istio.io/dataplane-mode': 'ambient' }
const injected = { 'istio-injection': 'enabled' }

test('who has a pod: by its labels, its annotations and what the cluster can do', () => {
  const takeover = (state: string) => ({ ...sidecar, ...enabled, 'meshbench.dev/sidecar': state })
  const cases: readonly (readonly [Pod, Record<string, string>, boolean, string])[] = [
    [pod('a', { annotations: sidecar }), injected, false, 'sidecar'],
    [pod('a', { annotations: sidecar }), ambient, false, 'sidecar'],
    [pod('a', { annotations: sidecar }), ambient, true, 'pending'],
    [pod('a', { annotations: sidecar }), { ...ambient, ...injected }, true, 'sidecar'],
    [pod('a', { annotations: takeover('leaving') }), ambient, true, 'pending'],
    [pod('a', { annotations: takeover('draining') }), ambient, true, 'ambient'],
    [pod('a', { annotations: takeover('idle') }), ambient, true, 'ambient'],
    [pod('a', { annotations: takeover('idle') }), injected, true, 'pending'],
    [pod('a', { annotations: takeover('returning') }), injected, true, 'pending'],
    [pod('a'), ambient, false, 'pending'],
    [
      pod('a', { annotations: { 'ambient.istio.io/redirection': 'pending' } }),
      ambient,
      false,
      'pending',
    ],
    [pod('a', { annotations: enabled }), ambient, false, 'ambient'],
    [pod('a', { annotations: enabled }), {}, false, 'pending'],
    [pod('a', { labels: { 'istio.io/dataplane-mode': 'none' } }), ambient, false, 'excluded'],
    [pod('a', { hostNetwork: true }), ambient, false, 'excluded'],
    [pod('a'), {}, false, 'excluded'],
  ]
  for (const [one, labels, live, expected] of cases) {
    const what = JSON.stringify([one.metadata, labels, live])
    assert.equal(membershipOf(one, labels, live), expected, what)
  }
})

test('the proof of no restart names what became of every pod that changed', () => {
  const before = ['kept', 'crashed', 'replaced', 'gone', 'rolled', 'began', 'ended'].map((name) =>
    identityOf(pod(name)),
  )
  const done = identityOf(pod('done', { phase: 'Succeeded' }))
  const now = [
    pod('kept'),
    pod('crashed', { restarts: 2 }),
    pod('replaced', { uid: 'other' }),
    pod('began', { startedAt: '2026-11-23T10:00:00Z' }),
    pod('ended', { phase: 'Succeeded' }),
    pod('new'),
  ].map(identityOf)
  assert.deepEqual(
    comparePods([...before, done], now, ({ name }) => name === 'rolled'),
    {
      before: 7,
      untouched: 1,
      converted: 1,
      others: [
        { pod: 'shop/crashed', what: 'container app was restarted 2 times' },
        { pod: 'shop/replaced', what: 'was replaced by another of the same name' },
        { pod: 'shop/gone', what: 'is gone' },
        { pod: 'shop/began', what: 'container app began anew at 2026-11-23T10:00:00Z' },
        { pod: 'shop/ended', what: 'has ended or is being deleted' },
      ],
    },
  )
})

test('a pod belongs to the Deployment of its ReplicaSet, or to whoever made it', () => {
  const owned = (kind: string, name: string, labels = {}) => ({
    name: 'x',
    labels,
    ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid: 'u', controller: true }],
  })
  const hash = { 'pod-template-hash': '7c9' }
  assert.equal(workloadOf(owned('ReplicaSet', 'cart-v2-7c9', hash)), 'Deployment cart-v2')
  assert.equal(workloadOf(owned('ReplicaSet', 'own')), 'ReplicaSet own')
  assert.equal(workloadOf(owned('StatefulSet', 'store')), 'StatefulSet store')
  assert.equal(workloadOf({ name: 'x' }), undefined)
})

const template = { spec: { containers: [] } }
const selector = {}

test('a rollout is done when its controller has seen it and every pod is new and available', () => {
  const deployment = (status: object, replicas = 3): Deployment => ({
    ...kinds.deployment,
    metadata: { name: 'cart', generation: 4 },
    spec: { replicas, selector, template },
    status: status as NonNullable<Deployment['status']>,
  })
  const all = { observedGeneration: 4, replicas: 3, updatedReplicas: 3, availableReplicas: 3 }
  assert.equal(rolloutOf(deployment(all)).done, true)
  assert.equal(rolloutOf(deployment({ ...all, observedGeneration: 3 })).done, false)
  assert.equal(rolloutOf(deployment({ ...all, updatedReplicas: 2 })).done, false)
  assert.equal(rolloutOf(deployment({ ...all, replicas: 4 })).done, false)
  const behind = rolloutOf(deployment({ ...all, availableReplicas: 1 }))
  assert.equal(behind.text, '3 of 3 pods updated, 1 of 3 available')
  const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }]
  assert.equal(rolloutOf(deployment({ ...all, availableReplicas: 1, conditions })).stuck, true)
  assert.equal(rolloutOf(deployment({ observedGeneration: 4 }, 0)).done, true)

  const set: StatefulSet = {
    ...kinds.statefulSet,
    metadata: { name: 'store', generation: 1 },
    spec: {
      replicas: 3,
      selector,
      template,
      updateStrategy: { rollingUpdate: { partition: 2 } },
    },
    status: { observedGeneration: 1, replicas: 3, readyReplicas: 3, updatedReplicas: 1 },
  }
  assert.equal(rolloutOf(set).done, true, 'down to its partition')
  const daemon: DaemonSet = {
    ...kinds.daemonSet,
    metadata: { name: 'agent', generation: 2 },
    spec: { selector, template },
    status: {
      observedGeneration: 2,
      desiredNumberScheduled: 2,
      currentNumberScheduled: 2,
      numberReady: 2,
      numberAvailable: 1,
      numberMisscheduled: 0,
      updatedNumberScheduled: 2,
    },
  }
  assert.equal(rolloutOf(daemon).done, false)
})

test('what a rollout takes away at a time, for budgets', () => {
  const deployment = (replicas: number, strategy: Deployment['spec']['strategy']): Deployment => ({
    ...kinds.deployment,
    metadata: { name: 'cart' },
    spec: { replicas, selector, template, ...(strategy && { strategy }) },
  })
  assert.equal(takenAway(deployment(1, undefined)), 0, '25 % of one, rounded down')
  assert.equal(takenAway(deployment(10, undefined)), 2)
  assert.equal(takenAway(deployment(10, { rollingUpdate: { maxUnavailable: 0 } })), 0)
  assert.equal(takenAway(deployment(3, { rollingUpdate: { maxUnavailable: 0, maxSurge: 0 } })), 1)
  assert.equal(takenAway(deployment(3, { type: 'Recreate' })), 3)
  const set: StatefulSet = {
    ...kinds.statefulSet,
    metadata: { name: 'store' },
    spec: { replicas: 3, selector, template },
  }
  assert.equal(takenAway(set), 1)
  const daemon = (rollingUpdate: object): DaemonSet => ({
    ...kinds.daemonSet,
    metadata: { name: 'agent' },
    spec: { selector, template, updateStrategy: { rollingUpdate } },
  })
  assert.equal(takenAway(daemon({})), 1)
  assert.equal(takenAway(daemon({ maxSurge: 1, maxUnavailable: 0 })), 0)
})

const peer = 'destination_workload_namespace="shop",destination_workload="cart"'

test('ztunnel counters: the receiving side only, by workload, refusals among them', () => {
  const text = `# TYPE istio_tcp_connections_opened_total counter
istio_tcp_connections_opened_total{reporter="destination",${peer},connection_security_policy="mutual_tls"} 7
istio_tcp_connections_opened_total{reporter="destination",${peer},connection_security_policy="unknown"} 2
istio_tcp_connections_opened_total{reporter="source",${peer},connection_security_policy="mutual_tls"} 50
istio_tcp_connections_opened_total{reporter="destination",destination_workload_namespace="web",destination_workload="cart"} 9
istio_tcp_connections_failed_total{reporter="destination",${peer},response_flags="DENY"} 3
istio_tcp_connections_failed_total{reporter="destination",${peer},response_flags="CONNECT"} 4
`
  assert.deepEqual(
    [...countCarried([text, text], 'shop')],
    [['cart', { mutualTls: 14, plain: 4, refused: 6 }]],
  )
})

test('traffic of callers: failures, refusals, and the 99th percentile since', () => {
  const text = (
    scale: number,
  ) => `istio_requests_total{reporter="source",${peer},response_code="200"} ${90 * scale}
istio_requests_total{reporter="source",${peer},response_code="503"} ${8 * scale}
istio_requests_total{reporter="source",${peer},response_code="403"} ${2 * scale}
istio_requests_total{reporter="destination",${peer},response_code="200"} ${90 * scale}
istio_request_duration_milliseconds_bucket{reporter="source",${peer},le="5"} ${50 * scale}
istio_request_duration_milliseconds_bucket{reporter="source",${peer},le="25"} ${99 * scale}
istio_request_duration_milliseconds_bucket{reporter="source",${peer},le="+Inf"} ${100 * scale}
`
  const names = ['istio_requests_total', 'istio_request_duration_milliseconds_bucket']
  const first = countTraffic([...seriesOf(text(1), names)])
  const last = countTraffic([...seriesOf(text(3), names)])
  assert.equal(last.total - first.total, 200)
  assert.equal(last.failed - first.failed, 20)
  assert.equal(last.refused - first.refused, 4)
  assert.equal(last.p99Since(first), 25)
  assert.equal(first.p99Since(first), undefined)
})

test('a line of ztunnel tells of a connection that came through HBONE, as text or as JSON', () => {
  const text =
    '2026-11-23T10:00:00Z info access connection complete src.addr=10.0.0.1:4 src.workload="web-1" src.identity="spiffe://cluster.local/ns/web/sa/web" dst.addr=10.0.0.2:15008 dst.hbone_addr=10.0.0.2:8080 dst.namespace="shop" direction="inbound" bytes_sent=4'
  const json =
    '{"level":"info","scope":"access","src.identity":"spiffe://cluster.local/ns/web/sa/web","dst.hbone_addr":"10.0.0.2:8080","dst.namespace":"shop","direction":"inbound"}'
  for (const line of [text, json]) {
    assert.equal(arrivalIn(line, 'shop') !== undefined, true)
    assert.equal(arrivalIn(line, 'web') !== undefined, false)
    assert.equal(arrivalIn(line.replace('inbound', 'outbound'), 'shop') !== undefined, false)
    assert.equal(arrivalIn(line.replaceAll('dst.hbone_addr', 'x'), 'shop') !== undefined, false)
    assert.equal(arrivalIn(line.replaceAll('src.identity', 'x'), 'shop') !== undefined, false)
  }
})
