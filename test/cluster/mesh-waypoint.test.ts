import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { kinds } from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { eventually, get } from '../fixtures/http-get.ts'
import { namespaceObject, nodeObject, runningCore } from '../fixtures/running-core.ts'
import { addWaypoint, clientAndTarget, images, metrics, serviceOf } from '../fixtures/shop.ts'
import { SteadyLoad } from '../fixtures/steady-load.ts'

async function shopWithWaypoint(t: TestContext) {
  const core = await runningCore(t, { images })
  const ztunnel = { 'meshbench.dev/ztunnel': 'true' }
  core.store.create(nodeObject('client', ztunnel))
  core.store.create(nodeObject('server', ztunnel))
  core.store.create(
    namespaceObject('shop', {
      'istio.io/dataplane-mode': 'ambient',
      'istio.io/use-waypoint': 'waypoint',
    }),
  )
  await addWaypoint(core, 'server')
  const { client, target } = await clientAndTarget(core)
  return { core, client, target }
}

test('a service bound to a waypoint is reached through it', async (t) => {
  const { core, client, target } = await shopWithWaypoint(t)
  const waypoint = core.pods('shop').find(({ spec }) => spec.serviceAccountName === 'waypoint')
  assert.ok(waypoint)
  assert.equal(waypoint.spec.nodeName, 'server')
  const service = await serviceOf(core, client)
  await eventually(service.host, service.port)
  assert.equal((await get(service.host, service.port)).pod, target.metadata.name)
  const line = (await metrics(waypoint))
    .split('\n')
    .find((one) => one.startsWith('istio_requests_total{') && one.includes('reporter="waypoint"'))
  assert.match(line ?? '', /source_principal="spiffe:\/\/cluster.local\/ns\/shop\/sa\/default"/)
  assert.deepEqual(core.notices, [])
})

test('requests survive it when their service is unbound from its waypoint and bound again', async (t) => {
  const { core, client } = await shopWithWaypoint(t)
  const service = await serviceOf(core, client)
  await eventually(service.host, service.port)
  const load = new SteadyLoad(service)
  t.after(() => load.stop())
  await load.more(50)
  const shop = { ...kinds.namespace, name: 'shop' }
  const { labels: bound = {} } = core.store.list(kinds.namespace).find(isShop)?.metadata ?? {}
  const { 'istio.io/use-waypoint': _, ...unbound } = bound
  for (const labels of [unbound, bound, unbound, bound]) {
    core.store.mutate(shop, (current) => ({
      ...current,
      metadata: { ...current.metadata, labels },
    }))
    await sleep(300)
    await load.more(50)
  }
  assert.deepEqual((await load.stop()).failures, [])
  assert.deepEqual(core.notices, [])
})

function isShop({ metadata }: KubeObject): boolean {
  return metadata.name === 'shop'
}
