import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { serviceImage } from '../../workloads/images.ts'
import { type Manifest, topologyWorkload } from '../../workloads/workload.ts'
import { getText } from '../fixtures/http-get.ts'
import {
  namespaceObject,
  nodeObject,
  type RunningCore,
  runningCore,
} from '../fixtures/running-core.ts'
import { addWaypoint, images, metrics } from '../fixtures/shop.ts'
import { type Metrics, parseMetrics, total } from '../support/proxy-process.ts'

const calls = 120

/** Half of the calls fail, and a failed one tells which pod it was that answered. */
const mixed = topologyWorkload({
  name: 'mixed',
  description: 'HTTP calls gRPC',
  entry: 'web',
  services: [
    {
      name: 'web',
      replicas: 1,
      port: 8080,
      script: [{ call: { service: 'cart', protocol: 'grpc' } }],
      responseBytes: 2,
    },
    {
      name: 'cart',
      protocol: 'grpc',
      replicas: 2,
      port: 8080,
      script: [],
      responseBytes: 10,
      errorRate: 0.5,
    },
  ],
})

async function deploy(core: RunningCore): Promise<Pod> {
  const order = ['ServiceAccount', 'Service', 'Deployment']
  const objects = mixed
    .manifests({ namespace: 'shop' })
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
  for (const object of objects) core.store.create(namedByPod(object))
  await core.untilReady('shop', 'cart', 2)
  const [web] = await core.untilReady('shop', 'web', 1)
  assert.ok(web)
  return web
}

function namedByPod(object: Manifest): KubeObject {
  const text = JSON.stringify(object)
  assert.equal(text.includes(serviceImage), object.kind === 'Deployment')
  const podName = '{"name":"SERVICE_NAME","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}'
  return JSON.parse(text.replace(/\{"name":"SERVICE_NAME","value":"[^"]*"\}/, podName))
}

/** Calls one after another; what pods failed how often, as their answers say. */
async function callMany(web: Pod): Promise<Map<string, number>> {
  const failedBy = new Map<string, number>()
  for (let n = 0; n < calls; n++) {
    const text = await getText(web.status?.podIP ?? '', 8080, '/')
    if (text === 'xx') continue
    const [, pod = text] =
      /cart answered grpc-status 13: (cart-\S+): error on purpose/.exec(text) ?? []
    failedBy.set(pod, (failedBy.get(pod) ?? 0) + 1)
  }
  return failedBy
}

/** Endpoints reach proxies a moment after a pod is ready. */
async function untilBothAnswer(web: Pod): Promise<void> {
  const seen = new Set<string>()
  const deadlineMs = Date.now() + 10_000
  while (seen.size < 2) {
    assert.ok(Date.now() < deadlineMs, `only ${[...seen]} answered`)
    const text = await getText(web.status?.podIP ?? '', 8080, '/')
    const [, pod] = /grpc-status 13: (cart-\S+):/.exec(text) ?? []
    if (pod !== undefined) seen.add(pod)
  }
}

function assertShared(core: RunningCore, failedBy: ReadonlyMap<string, number>): void {
  const pods = core.pods('shop', 'cart').map(({ metadata }) => metadata.name)
  assert.deepEqual([...failedBy.keys()].sort(), pods.sort())
  for (const count of failedBy.values()) assert.ok(count >= 8, JSON.stringify([...failedBy]))
}

function grpcRequests(sample: Metrics, reporter: string, status: string): number {
  return total(sample, 'istio_requests_total', {
    reporter,
    destination_workload: 'cart',
    request_protocol: 'grpc',
    response_code: '200',
    grpc_response_status: status,
  })
}

test('sidecars spread gRPC calls of one connection over replicas and count them as such', async (t) => {
  const core = await runningCore(t, { images })
  core.store.create(nodeObject('one'))
  core.store.create(namespaceObject('shop', { 'istio-injection': 'enabled' }))
  const web = await deploy(core)
  await untilBothAnswer(web)
  const before = parseMetrics(await metrics(web))
  const failedBy = await callMany(web)
  assertShared(core, failedBy)
  const failed = [...failedBy.values()].reduce((sum, count) => sum + count, 0)
  const after = parseMetrics(await metrics(web))
  const added = (status: string): number =>
    grpcRequests(after, 'source', status) - grpcRequests(before, 'source', status)
  assert.deepEqual([added('0'), added('13')], [calls - failed, failed])
  for (const pod of core.pods('shop', 'cart')) {
    const received = parseMetrics(await metrics(pod))
    const ok = grpcRequests(received, 'destination', '0')
    assert.ok(ok >= 8, `${pod.metadata.name} answered ${ok} well`)
  }
  assert.deepEqual(core.notices, [])
})

test('a waypoint spreads gRPC calls of one connection over replicas and counts them as such', async (t) => {
  const core = await runningCore(t, { images })
  core.store.create(nodeObject('one', { 'meshbench.dev/ztunnel': 'true' }))
  core.store.create(
    namespaceObject('shop', {
      'istio.io/dataplane-mode': 'ambient',
      'istio.io/use-waypoint': 'waypoint',
    }),
  )
  await addWaypoint(core, 'one')
  const web = await deploy(core)
  const waypoint = core.pods('shop').find(({ spec }) => spec.serviceAccountName === 'waypoint')
  assert.ok(waypoint)
  await untilBothAnswer(web)
  const before = parseMetrics(await metrics(waypoint))
  const failedBy = await callMany(web)
  assertShared(core, failedBy)
  const failed = [...failedBy.values()].reduce((sum, count) => sum + count, 0)
  const after = parseMetrics(await metrics(waypoint))
  const added = (status: string): number =>
    grpcRequests(after, 'waypoint', status) - grpcRequests(before, 'waypoint', status)
  assert.deepEqual([added('0'), added('13')], [calls - failed, failed])
  assert.deepEqual(core.notices, [])
})
