import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  configMap,
  controllersMissing,
  eventually,
  fields,
  PATCH,
  type Server,
  startServer,
} from './server.ts'

let server: Server
const withControllers = { skip: controllersMissing }
const maps = (...rest: string[]) => server.path('configmaps', ...rest)
const isThere = async (name: string) => (await server.call('GET', maps(name))).status === 200

before(async () => {
  server = await startServer()
})
after(() => server.stop())

async function owned(name: string, owner: { name: string; uid: string }): Promise<void> {
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', ...owner }]
  const made = await server.call('POST', maps(), { body: configMap(name, {}, { ownerReferences }) })
  assert.equal(made.status, 201, made.text)
}

async function owner(name: string): Promise<{ name: string; uid: string }> {
  const { json } = await server.call('POST', maps(), { body: configMap(name) })
  return { name, uid: json.metadata.uid }
}

test('an object with a finalizer stays until the finalizer is taken away', async () => {
  const finalizers = ['example.com/hold']
  await server.call('POST', maps(), { body: configMap('held', {}, { finalizers }) })
  const deleted = await server.call('DELETE', maps('held'))
  assert.deepEqual([deleted.status, deleted.json.kind], [200, 'ConfigMap'])
  assert.ok(deleted.json.metadata.deletionTimestamp)
  const added = { metadata: { finalizers: ['example.com/hold', 'example.com/more'] } }
  const more = await server.call('PATCH', maps('held'), { body: added, type: PATCH.merge })
  assert.equal(more.status, 422)
  // Some kinds are checked twice, and say so twice.
  assert.deepEqual([...new Set(fields(more.json))], ['metadata.finalizers'])
  const other = { metadata: { labels: { still: 'writable' } } }
  const labelled = await server.call('PATCH', maps('held'), { body: other, type: PATCH.merge })
  assert.equal(labelled.status, 200)
  const released = { metadata: { finalizers: null } }
  const last = await server.call('PATCH', maps('held'), { body: released, type: PATCH.merge })
  assert.equal(last.status, 200)
  assert.equal(await isThere('held'), false)
})

test('what an object owns goes with it', withControllers, async () => {
  await owned('background-child', await owner('background'))
  const body = { propagationPolicy: 'Background' }
  assert.equal((await server.call('DELETE', maps('background'), { body })).status, 200)
  await eventually(async () => !(await isThere('background-child')))
})

test(
  'foreground deletion keeps the owner until what it owns is gone',
  withControllers,
  async () => {
    const finalizers = ['example.com/hold']
    const { name, uid } = await owner('foreground')
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name, uid, blockOwnerDeletion: true }
    const metadata = { finalizers, ownerReferences: [reference] }
    await server.call('POST', maps(), { body: configMap('foreground-child', {}, metadata) })
    const body = { propagationPolicy: 'Foreground' }
    const deleted = await server.call('DELETE', maps('foreground'), { body })
    assert.deepEqual(deleted.json.metadata.finalizers, ['foregroundDeletion'])
    await eventually(async () => {
      const child = await server.call('GET', maps('foreground-child'))
      return child.json.metadata.deletionTimestamp !== undefined
    })
    assert.equal(await isThere('foreground'), true)
    const released = { metadata: { finalizers: null } }
    await server.call('PATCH', maps('foreground-child'), { body: released, type: PATCH.merge })
    await eventually(async () => !(await isThere('foreground')))
  },
)

test('foreground deletion also waits for nobody, but not at once', async () => {
  const { name } = await owner('alone')
  const body = { propagationPolicy: 'Foreground' }
  const deleted = await server.call('DELETE', maps(name), { body })
  assert.deepEqual(
    [deleted.status, deleted.json.kind, deleted.json.metadata.finalizers],
    [200, 'ConfigMap', ['foregroundDeletion']],
  )
  if (!controllersMissing) await eventually(async () => !(await isThere(name)))
})

test('orphans stay and forget their owner', withControllers, async () => {
  await owned('orphan', await owner('parent'))
  const body = { propagationPolicy: 'Orphan' }
  assert.equal((await server.call('DELETE', maps('parent'), { body })).status, 200)
  await eventually(async () => {
    const { json } = await server.call('GET', maps('orphan'))
    return (json.metadata.ownerReferences ?? []).length === 0
  })
  await eventually(async () => !(await isThere('parent')))
  assert.equal(await isThere('orphan'), true)
})

test('an object whose owner never was is collected', withControllers, async () => {
  await owned('foundling', { name: 'nobody', uid: '0c9a2f6e-0000-4000-8000-000000000000' })
  await eventually(async () => !(await isThere('foundling')))
})

test(
  'a namespace goes last, and nothing new comes into it meanwhile',
  withControllers,
  async () => {
    const namespace = `${server.namespace}-b`
    const path = `/api/v1/namespaces/${namespace}`
    await server.call('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } })
    const held = configMap('held', {}, { finalizers: ['example.com/hold'] })
    await server.call('POST', `${path}/configmaps`, { body: held })
    const deleted = await server.call('DELETE', path)
    assert.deepEqual([deleted.status, deleted.json.status.phase], [200, 'Terminating'])
    const late = await server.call('POST', `${path}/configmaps`, { body: configMap('late') })
    assert.deepEqual(
      [late.status, late.json.reason, late.json.details.causes[0].reason],
      [403, 'Forbidden', 'NamespaceTerminating'],
    )
    await eventually(async () => {
      const { json } = await server.call('GET', `${path}/configmaps/held`)
      return json.metadata.deletionTimestamp !== undefined
    })
    await eventually(async () => {
      const { json } = await server.call('GET', path)
      const told = JSON.stringify(json.status.conditions ?? [])
      return /configmaps\. has 1 resource.*example\.com\/hold in 1 resource/.test(told)
    })
    const released = { metadata: { finalizers: null } }
    await server.call('PATCH', `${path}/configmaps/held`, { body: released, type: PATCH.merge })
    await eventually(async () => (await server.call('GET', path)).status === 404)
  },
)
