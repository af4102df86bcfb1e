import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { podBackend } from '../../cluster/agent/pod-backend.ts'
import { claimSharedAddress } from '../../cluster/agent/shared-address.ts'
import type { Pod } from '../../cluster/kinds.ts'
import { type Answer, eventually, get, getText } from '../fixtures/http-get.ts'
import {
  namespaceObject,
  nodeObject,
  type RunningCore,
  runningCore,
} from '../fixtures/running-core.ts'
import { clientAndTarget, images } from '../fixtures/shop.ts'

/** Starts the shop on one address and asks the target what the client would ask it. */
async function askTarget(
  core: RunningCore,
  labels: Record<string, string>,
): Promise<{ answer: Answer & { peer?: string }; target: Pod; client: Pod }> {
  core.store.create(nodeObject('client', { 'meshbench.dev/ztunnel': 'true' }))
  core.store.create(nodeObject('server', { 'meshbench.dev/ztunnel': 'true' }))
  core.store.create(namespaceObject('shop', labels))
  const { client, target } = await clientAndTarget(core)
  const backend = podBackend(() => core.agents.runners(), core.plan)
  const control = await backend.dial({ namespace: 'shop', name: client.metadata.name }, 8080)
  assert.equal(control?.host, '127.0.0.1')
  const service = (await get('127.0.0.1', control.port)).target
  assert.equal(service.host, '127.0.0.1')
  return { answer: await eventually(service.host, service.port), target, client }
}

async function counters(core: RunningCore, namespace: string, name: string): Promise<string> {
  const socket = await podBackend(() => core.agents.runners(), core.plan).dial(
    { namespace, name },
    15020,
  )
  return getText(socket?.host ?? '', socket?.port ?? 0, '/metrics')
}

test('a name and port keep one real port, which comes free with the name', async (t) => {
  const plan = await claimSharedAddress()
  const other = await claimSharedAddress()
  t.after(async () => {
    await plan.close()
    await other.close()
  })
  const pod = plan.takePod()
  const web = plan.socket(pod.podIp, 8080)
  assert.deepEqual(plan.socket(pod.podIp, 8080), web)
  assert.equal(web.host, '127.0.0.1')
  const ports = [
    web,
    plan.socket(pod.appHost, 8080),
    plan.socket(pod.podIp, 8081),
    plan.socket(plan.takeCapture(), 8080),
    other.socket(other.takePod().podIp, 8080),
  ].map(({ port }) => port)
  assert.equal(new Set(ports).size, ports.length, `${ports} are all different`)
  plan.releasePod(pod)
  assert.deepEqual(plan.socket(pod.podIp, 8080), { host: pod.podIp, port: 8080 })
})

test('a port that another program listens on is passed over', async (t) => {
  const plan = await claimSharedAddress()
  const first = plan.socket(plan.takePod().podIp, 8080).port
  const stranger = createServer()
  await new Promise<void>((resolve) => stranger.listen(first + 1, '127.0.0.1', resolve))
  t.after(async () => {
    stranger.close()
    await plan.close()
  })
  assert.notEqual(plan.socket(plan.takePod().podIp, 8080).port, first + 1)
})

test('without a mesh a pod on a shared address is asked with no proxy in between', async (t) => {
  const core = await runningCore(t, { images, addresses: 'shared' })
  const { answer, target } = await askTarget(core, {})
  assert.deepEqual([answer.pod, answer.peer], [target.metadata.name, '127.0.0.1'])
  assert.deepEqual(core.notices, [])
})

test('sidecars find one another by port and know the caller by its word', async (t) => {
  const core = await runningCore(t, { images, addresses: 'shared' })
  const { answer, target } = await askTarget(core, { 'istio-injection': 'enabled' })
  assert.deepEqual([answer.pod, answer.peer], [target.metadata.name, '127.0.0.1'])
  const text = await counters(core, 'shop', target.metadata.name)
  const line = text.split('\n').find((one) => /^istio_requests_total\{.*mutual_tls/.test(one))
  assert.match(line ?? text, /source_workload="client"/)
  assert.deepEqual(core.notices, [])
})

test('ztunnels on a shared address tunnel to the port of each pod', async (t) => {
  const core = await runningCore(t, { images, addresses: 'shared' })
  const { answer, target } = await askTarget(core, { 'istio.io/dataplane-mode': 'ambient' })
  assert.deepEqual([answer.pod, answer.peer], [target.metadata.name, '127.0.0.1'])
  const ztunnel = core
    .pods('istio-system', 'ztunnel')
    .find(({ spec }) => spec.nodeName === 'server')
  const text = await counters(core, 'istio-system', ztunnel?.metadata.name ?? '')
  const line = text
    .split('\n')
    .find((one) => /^istio_tcp_connections_opened_total\{.*mutual_tls/.test(one))
  assert.match(line ?? text, /source_workload="client"/)
  assert.deepEqual(core.notices, [])
})
