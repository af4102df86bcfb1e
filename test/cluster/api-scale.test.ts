import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { kinds, type Pod } from '../../cluster/kinds.ts'
import { fillEstate, largeEstate } from '../fixtures/many-objects.ts'
import { namespaceObject, runningCore } from '../fixtures/running-core.ts'
import { staticCluster } from '../fixtures/static-cluster.ts'
import { configMap, startApi } from './api-fixture.ts'

test('500 namespaces with 20,000 pods are held without a process, and listed in pages', async (t) => {
  const api = await staticCluster(t)
  fillEstate(api.store, largeEstate)
  const client = await api.client()
  const pods = await client.list<Pod>(kinds.pod)
  assert.equal(pods.length, 20_000)
  assert.equal(
    (await client.list(kinds.namespace, { labelSelector: 'istio-injection' })).length,
    500,
  )
  const own = await client.list<Pod>(kinds.pod, { namespace: 'team-123' })
  assert.equal(own.length, 40)
  for (const { metadata, spec, status } of own) {
    assert.ok(metadata.annotations?.['sidecar.istio.io/status'], 'admission injects as ever')
    assert.match(spec.nodeName ?? '', /^worker-\d{3}$/)
    assert.equal(status?.containerStatuses?.[0]?.ready, true)
  }
})

test('a pod on a node that nobody looks after stays as written, in a whole cluster too', async (t) => {
  const core = await runningCore(t)
  fillEstate(core.store, { namespaces: 1, pods: 1, nodes: 1 })
  const pod = () => core.pods('team-000').find(({ spec }) => spec.nodeName === 'worker-000')
  const before = pod()
  assert.equal(before?.status?.phase, 'Running')
  core.store.create(namespaceObject('another'))
  for (let turns = 0; turns < 50; turns += 1) await turn()
  assert.deepEqual(pod(), before)
})

test('pages show one version of the list while its objects change, come and go', async (t) => {
  const api = await startApi({ store: { historyLength: 1_000 } })
  t.after(() => api.stop())
  const name = (index: number) => `map-${String(index).padStart(3, '0')}`
  for (let index = 0; index < 100; index += 2) api.store.create(configMap(name(index)))
  const path = '/api/v1/namespaces/default/configmaps'
  const before = (await api.call('GET', path)).json
  const items: unknown[] = []
  let next = ''
  for (let page = 0; page < 10; page += 1) {
    const { json } = await api.call('GET', `${path}?limit=5&continue=${next}`)
    items.push(...json.items)
    next = json.metadata.continue ?? ''
    assert.equal(json.metadata.resourceVersion, before.metadata.resourceVersion)
    // One in front of the next page, one behind, one gone, one changed; and another list on the way.
    api.store.create(configMap(name(page * 2 + 1)))
    api.store.create(configMap(name(99 - page * 2)))
    api.store.delete({
      ...configMap(name(90 - page * 2)).metadata,
      apiVersion: 'v1',
      kind: 'ConfigMap',
    })
    api.store.update(configMap(name(50), { page: String(page) }))
    await api.call('GET', `${path}?limit=1`)
  }
  assert.equal(next, '')
  assert.deepEqual(items, before.items)
})
