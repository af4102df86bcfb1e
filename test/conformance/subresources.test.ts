import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deployment, eventually, PATCH, pod, type Server, startServer } from './server.ts'

let server: Server

before(async () => {
  server = await startServer()
})
after(() => server.stop())

const condition = {
  type: 'example.com/Checked',
  status: 'True',
  reason: 'Checked',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
}

test('status and specification are written apart', async () => {
  const path = server.path('services', 'apart')
  const body = {
    metadata: { name: 'apart' },
    spec: { ports: [{ port: 80 }] },
    status: { conditions: [condition] },
  }
  const made = await server.call('POST', server.path('services'), { body })
  assert.equal(made.status, 201, made.text)
  assert.equal(made.json.status.conditions, undefined)
  const both = { status: { conditions: [condition] }, spec: { sessionAffinity: 'ClientIP' } }
  const status = await server.call('PATCH', `${path}/status`, { body: both, type: PATCH.merge })
  assert.equal(status.status, 200, status.text)
  assert.deepEqual(
    [status.json.status.conditions[0].type, status.json.spec.sessionAffinity],
    [condition.type, 'None'],
  )
  const rest = { status: { conditions: [] }, spec: { sessionAffinity: 'ClientIP' } }
  const spec = await server.call('PATCH', path, { body: rest, type: PATCH.merge })
  assert.deepEqual(
    [spec.json.status.conditions.length, spec.json.spec.sessionAffinity],
    [1, 'ClientIP'],
  )
})

test('generation counts changes of the specification only', async () => {
  const path = server.path('apps/v1/deployments', 'counted')
  await server.call('POST', server.path('apps/v1/deployments'), { body: deployment('counted') })
  const patch = async (body: object) =>
    (await server.call('PATCH', path, { body, type: PATCH.merge })).json.metadata.generation
  assert.equal(await patch({ metadata: { labels: { a: 'b' } } }), 1)
  assert.equal(await patch({ spec: { replicas: 2 } }), 2)
  const service = { metadata: { name: 'uncounted' }, spec: { ports: [{ port: 80 }] } }
  const made = await server.call('POST', server.path('services'), { body: service })
  assert.equal(made.json.metadata.generation, undefined)
})

test('a workload is scaled without knowing its kind', async () => {
  const path = server.path('apps/v1/deployments', 'scaled')
  await server.call('POST', server.path('apps/v1/deployments'), { body: deployment('scaled') })
  const scale = await server.call('GET', `${path}/scale`)
  assert.deepEqual(
    [scale.json.kind, scale.json.apiVersion, scale.json.spec, scale.json.status.selector],
    ['Scale', 'autoscaling/v1', { replicas: 1 }, 'app=scaled'],
  )
  const body = { spec: { replicas: 3 } }
  const patched = await server.call('PATCH', `${path}/scale`, { body, type: PATCH.merge })
  assert.deepEqual([patched.status, patched.json.spec], [200, { replicas: 3 }])
  // Without its version: controllers may write the status meanwhile.
  const metadata = { name: 'scaled', namespace: server.namespace }
  const put = await server.call('PUT', `${path}/scale`, {
    body: { ...scale.json, metadata, spec: { replicas: 2 } },
  })
  assert.deepEqual(put.json.spec, { replicas: 2 })
  assert.equal((await server.call('GET', path)).json.spec.replicas, 2)
  const negative = { spec: { replicas: -1 } }
  const refused = await server.call('PATCH', `${path}/scale`, { body: negative, type: PATCH.merge })
  assert.deepEqual([refused.status, refused.json.reason], [422, 'Invalid'])
})

test('a subresource that a kind does not have is not found', async () => {
  const answer = await server.call('GET', server.path('configmaps', 'a', 'status'))
  assert.equal(answer.status, 404)
})

test('an eviction deletes a pod that no budget protects', async () => {
  const path = server.path('pods', 'evicted')
  await server.call('POST', server.path('pods'), { body: pod('evicted', { app: 'evicted' }) })
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: 'evicted', namespace: server.namespace },
  }
  const other = { ...body, metadata: { ...body.metadata, name: 'other' } }
  assert.equal((await server.call('POST', `${path}/eviction`, { body: other })).status, 400)
  const asked = await server.call('POST', `${path}/eviction?dryRun=All`, { body })
  assert.equal(asked.status, 201)
  const dry = { ...body, deleteOptions: { dryRun: ['All'] } }
  assert.equal((await server.call('POST', `${path}/eviction`, { body: dry })).status, 201)
  assert.equal((await server.call('GET', path)).status, 200)
  const evicted = await server.call('POST', `${path}/eviction`, { body })
  assert.deepEqual([evicted.status, evicted.json.status], [201, 'Success'])
  await eventually(async () => (await server.call('GET', path)).status === 404)
  assert.equal((await server.call('POST', `${path}/eviction`, { body })).status, 404)
})
