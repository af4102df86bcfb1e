import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builtInImages } from '../../cluster/embedded/images.ts'
import { kinds, type Pod } from '../../cluster/kinds.ts'
import { eventually, get, getText } from '../fixtures/http-get.ts'
import {
  appObject,
  namespaceObject,
  nodeObject,
  pidOf,
  type RunningCore,
  runningCore,
  serviceObject,
  socketApp,
} from '../fixtures/running-core.ts'

const images = { ...builtInImages, ...socketApp }

async function clientAndTarget(core: RunningCore): Promise<{ client: Pod; target: Pod }> {
  core.store.create(serviceObject('shop', 'target'))
  core.store.create(appObject('shop', 'target', { node: 'server' }))
  core.store.create(appObject('shop', 'client', { node: 'client' }))
  const [target] = await core.untilReady('shop', 'target', 1)
  const [client] = await core.untilReady('shop', 'client', 1)
  assert.ok(target && client)
  return { client, target }
}

/** The address at which the client pod finds the service, from its own environment. */
async function serviceOf(core: RunningCore, client: Pod): Promise<{ host: string; port: number }> {
  const runner = core.agents.runners().find(({ uid }) => uid === client.metadata.uid)
  return { host: runner?.captures.get('shop/target') ?? '', port: 80 }
}

async function metrics(pod: Pod): Promise<string> {
  return getText(pod.status?.podIP ?? '', 15020, '/metrics')
}

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
