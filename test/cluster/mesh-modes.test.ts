import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { kinds } from '../../cluster/kinds.ts'
import { eventually, get } from '../fixtures/http-get.ts'
import { namespaceObject, nodeObject, pidOf, runningCore } from '../fixtures/running-core.ts'
import { clientAndTarget, images, metrics, serviceOf } from '../fixtures/shop.ts'

test('with injection both sides get a sidecar that speaks mutual TLS to the other', async (t) => {
  const core = await runningCore(t, { images })
  core.store.create(nodeObject('client'))
  core.store.create(nodeObject('server'))
  core.store.create(namespaceObject('shop', { 'istio-injection': 'enabled' }))
  const { client, target } = await clientAndTarget(core)
  assert.deepEqual(
    target.status?.initContainerStatuses?.map(({ name, ready }) => [name, ready]),
    [['istio-proxy', true]],
  )
  const service = await serviceOf(core, client)
  await eventually(service.host, service.port)
  for (let requests = 1; requests < 3; requests += 1) {
    assert.equal((await get(service.host, service.port)).pod, target.metadata.name)
  }
  const received = await metrics(target)
  const line = received
    .split('\n')
    .find(
      (one) => one.startsWith('istio_requests_total{') && one.includes('reporter="destination"'),
    )
  assert.match(line ?? received, /connection_security_policy="mutual_tls"/)
  assert.match(line ?? '', /source_principal="spiffe:\/\/cluster.local\/ns\/shop\/sa\/default"/)
  assert.match(line ?? '', / 3$/)
  assert.deepEqual(core.notices, [])
})

test('in ambient the ztunnels of both nodes carry the connection in HBONE', async (t) => {
  const core = await runningCore(t, { images })
  const ztunnel = { 'meshbench.dev/ztunnel': 'true' }
  core.store.create(nodeObject('client', ztunnel))
  core.store.create(nodeObject('server', ztunnel))
  core.store.create(nodeObject('apart'))
  core.store.create(namespaceObject('shop', { 'istio.io/dataplane-mode': 'ambient' }))
  const { client, target } = await clientAndTarget(core)
  assert.equal(target.metadata.annotations?.['ambient.istio.io/redirection'], 'enabled')
  assert.equal(target.status?.containerStatuses?.length, 1)
  const ztunnels = await core.untilReady('istio-system', 'ztunnel', 2)
  assert.deepEqual(ztunnels.map(({ spec }) => spec.nodeName).sort(), ['client', 'server'])

  const service = await serviceOf(core, client)
  await eventually(service.host, service.port)
  for (let requests = 1; requests < 3; requests += 1) {
    assert.equal((await get(service.host, service.port)).pod, target.metadata.name)
  }
  const serverSide = ztunnels.find(({ spec }) => spec.nodeName === 'server')
  assert.ok(serverSide)
  const received = await metrics(serverSide)
  const line = received
    .split('\n')
    .find((one) => one.startsWith('istio_tcp_connections_opened_total{'))
  assert.match(line ?? received, /connection_security_policy="mutual_tls"/)
  assert.match(line ?? '', /source_principal="spiffe:\/\/cluster.local\/ns\/shop\/sa\/default"/)
  assert.deepEqual(core.notices, [])
})

test('a sidecar that dies is restarted and its pod served again', async (t) => {
  const core = await runningCore(t, { images })
  core.store.create(nodeObject('client'))
  core.store.create(nodeObject('server'))
  core.store.create(namespaceObject('shop', { 'istio-injection': 'enabled' }))
  const { client, target } = await clientAndTarget(core)
  const proxyPid = target.status?.initContainerStatuses?.[0]?.containerID?.split('//')[1]
  process.kill(Number(proxyPid), 'SIGKILL')
  const after = await core.until('the sidecar to be back', kinds.pod, () =>
    core
      .pods('shop', 'target')
      .find(
        ({ status }) =>
          status?.initContainerStatuses?.[0]?.restartCount === 1 &&
          status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      ),
  )
  assert.equal(pidOf(after), pidOf(target), 'the application went on')
  const service = await serviceOf(core, client)
  assert.equal((await eventually(service.host, service.port)).pod, target.metadata.name)
})

test('under STRICT a ztunnel closes plaintext connections and carries mutual TLS', async (t) => {
  const core = await runningCore(t, { images })
  const ztunnel = { 'meshbench.dev/ztunnel': 'true' }
  core.store.create(nodeObject('client', ztunnel))
  core.store.create(nodeObject('server', ztunnel))
  core.store.create(namespaceObject('shop', { 'istio.io/dataplane-mode': 'ambient' }))
  core.store.create({
    ...kinds.peerAuthentication,
    metadata: { name: 'default', namespace: 'shop' },
    spec: { mtls: { mode: 'STRICT' } },
  })
  const { client, target } = await clientAndTarget(core)
  const service = await serviceOf(core, client)
  assert.equal((await eventually(service.host, service.port)).pod, target.metadata.name)
  await assert.rejects(get(target.status?.podIP ?? '', 8080), /ECONNRESET|socket hang up/)
})

test('a certificate that runs out is replaced while connections go on', async (t) => {
  const core = await runningCore(t, { images, certificateLifetimeMs: 4_000 })
  core.store.create(nodeObject('client'))
  core.store.create(nodeObject('server'))
  core.store.create(namespaceObject('shop', { 'istio-injection': 'enabled' }))
  const { client, target } = await clientAndTarget(core)
  const service = await serviceOf(core, client)
  await eventually(service.host, service.port)
  const endsAtMs = Date.now() + 6_000
  while (Date.now() < endsAtMs) {
    assert.equal((await get(service.host, service.port)).pod, target.metadata.name)
    await delay(100)
  }
})
