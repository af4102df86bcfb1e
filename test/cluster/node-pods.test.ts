import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { type EndpointSlice, kinds } from '../../cluster/kinds.ts'
import { eventually, get } from '../fixtures/http-get.ts'
import {
  appObject,
  isReady,
  namespaceObject,
  nodeObject,
  pidOf,
  runningCore,
  serviceObject,
} from '../fixtures/running-core.ts'

test('a deployment of two replicas becomes ready, gets endpoints and is reached by its clients', async (t) => {
  const core = await runningCore(t)
  const { store } = core
  store.create(namespaceObject('shop'))
  store.create(nodeObject('one'))
  store.create(nodeObject('two'))
  store.create(serviceObject('shop', 'target'))
  store.create(appObject('shop', 'target', { replicas: 2 }))
  store.create(appObject('shop', 'client'))
  const pods = await core.untilReady('shop', 'target', 2)
  assert.deepEqual(pods.map(({ spec }) => spec.nodeName).sort(), ['one', 'two'])

  const addresses = await core.until('two ready endpoints', kinds.endpointSlice, () => {
    const slices = store.list<EndpointSlice>(kinds.endpointSlice, { namespace: 'shop' })
    const ready = slices.flatMap(({ endpoints }) => endpoints).filter((one) => one.conditions.ready)
    return ready.length === 2 && ready.map((one) => one.addresses[0])
  })
  assert.deepEqual(addresses.sort(), pods.map(({ status }) => status?.podIP).sort())

  const [client] = await core.untilReady('shop', 'client', 1)
  const direct = await get(client?.status?.podIP ?? '', 8080)
  assert.equal(direct.pod, client?.metadata.name)
  const viaService = await eventually(direct.target.host, direct.target.port)
  assert.ok(pods.some(({ metadata }) => metadata.name === viaService.pod))
  assert.ok(pods.map(pidOf).includes(viaService.pid), 'the target itself accepted, without a hop')

  const log = await readFile(`${core.logDirectory}/shop_${client?.metadata.name}/app/0.log`, 'utf8')
  assert.equal(log, 'listening\n')
  assert.deepEqual(core.notices, [])
})

test('a crashed container comes back at once, with its count and how it ended', async (t) => {
  const core = await runningCore(t)
  core.store.create(nodeObject('one'))
  core.store.create(namespaceObject('shop'))
  core.store.create(appObject('shop', 'app'))
  const [before] = await core.untilReady('shop', 'app', 1)
  assert.ok(before)
  const podIp = before.status?.podIP ?? ''
  await assert.rejects(get(podIp, 8080, '/crash'))
  const after = await core.until('a restart', kinds.pod, () =>
    core
      .pods('shop', 'app')
      .find((pod) => isReady(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 1),
  )
  const status = after.status?.containerStatuses?.[0]
  assert.equal(after.metadata.uid, before.metadata.uid)
  assert.equal(status?.lastState.terminated?.exitCode, 3)
  assert.equal(status?.lastState.terminated?.containerID, `process://${pidOf(before)}`)
  assert.equal((await get(podIp, 8080)).pid, pidOf(after))
})

test('a container that keeps failing is restarted later and later', async (t) => {
  const core = await runningCore(t)
  core.store.create(nodeObject('one'))
  core.store.create(namespaceObject('shop'))
  core.store.create(appObject('shop', 'app', { env: { FAIL_AT_START: 'true' } }))
  const message = await core.until('the second restart', kinds.pod, () => {
    const status = core.pods('shop', 'app')[0]?.status?.containerStatuses?.[0]
    return status?.restartCount === 2 && status.state.waiting?.message
  })
  assert.equal(message, 'back-off 1s restarting failed container')
})

test('a pod that stops being ready leaves the endpoints, and clients are refused when none is left', async (t) => {
  const core = await runningCore(t)
  const { store } = core
  store.create(namespaceObject('shop'))
  store.create(nodeObject('one'))
  store.create(serviceObject('shop', 'target'))
  store.create(appObject('shop', 'target', { probe: true }))
  store.create(appObject('shop', 'client'))
  const [target] = await core.untilReady('shop', 'target', 1)
  const [client] = await core.untilReady('shop', 'client', 1)
  const { target: service } = await get(client?.status?.podIP ?? '', 8080)
  assert.equal((await eventually(service.host, service.port)).pod, target?.metadata.name)
  await get(target?.status?.podIP ?? '', 8080, '/unready')
  await core.until('an endpoint that is not ready', kinds.endpointSlice, () =>
    store
      .list<EndpointSlice>(kinds.endpointSlice, { namespace: 'shop' })
      .some(({ endpoints }) => endpoints.some(({ conditions }) => !conditions.ready)),
  )
  await assert.rejects(async () => {
    // The socket follows the endpoints within milliseconds; each try is a connection of its own.
    for (let tries = 0; tries < 100; tries += 1) await get(service.host, service.port)
  }, /ECONNREFUSED|ECONNRESET|socket hang up/)
})

test('a deleted deployment takes its pods and their processes along', async (t) => {
  const core = await runningCore(t)
  core.store.create(nodeObject('one'))
  core.store.create(namespaceObject('shop'))
  core.store.create(appObject('shop', 'app', { env: { IGNORE_SIGTERM: 'true' } }))
  const [pod] = await core.untilReady('shop', 'app', 1)
  assert.ok(pod)
  core.store.delete({ ...kinds.deployment, name: 'app', namespace: 'shop' })
  await core.until('no pod', kinds.pod, () => core.pods('shop', 'app').length === 0)
  assert.throws(() => process.kill(pidOf(pod), 0), { code: 'ESRCH' })
  await assert.rejects(get(pod.status?.podIP ?? '', 8080), { code: 'ECONNREFUSED' })
})

test('an image that this machine does not have is named in the status', async (t) => {
  const core = await runningCore(t)
  core.store.create(nodeObject('one'))
  core.store.create(namespaceObject('shop'))
  core.store.create(appObject('shop', 'app', { image: 'nginx' }))
  const waiting = await core.until('a reason', kinds.pod, () => {
    const state = core.pods('shop', 'app')[0]?.status?.containerStatuses?.[0]?.state.waiting
    return state?.reason === 'ErrImageNeverPull' && state
  })
  assert.match(waiting.message ?? '', /no image "nginx" on this machine/)
})

test('a port that another program holds on all addresses is named, and tried again', async (t) => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '0.0.0.0', resolve))
  const { port } = other.address() as AddressInfo
  const core = await runningCore(t)
  core.store.create(nodeObject('one'))
  core.store.create(namespaceObject('shop'))
  const deployment = appObject('shop', 'app')
  for (const container of deployment.spec.template.spec.containers) {
    container.ports = [{ containerPort: port }]
  }
  core.store.create(deployment)
  const waiting = await core.until('a reason', kinds.pod, () => {
    const state = core.pods('shop', 'app')[0]?.status?.containerStatuses?.[0]?.state.waiting
    return state?.reason === 'CreateContainerError' && state
  })
  assert.match(waiting.message ?? '', new RegExp(`cannot bind 127.*:${port} \\(EADDRINUSE\\)`))
  assert.match(waiting.message ?? '', /stop it, or use another port/)
  other.close()
  await core.untilReady('shop', 'app', 1)
  assert.equal(core.notices.length, 1)
})
