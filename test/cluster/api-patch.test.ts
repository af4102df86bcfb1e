import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ApiFixture, configMap, startApi } from './api-fixture.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
const JSON_PATCH = 'application/json-patch+json'
const MERGE = 'application/merge-patch+json'
const STRATEGIC = 'application/strategic-merge-patch+json'
const APPLY = 'application/apply-patch+yaml'
let api: ApiFixture

before(async () => {
  api = await startApi()
  const containers = [
    { name: 'app', image: 'one', env: [{ name: 'A', value: '1' }], ports: [{ containerPort: 80 }] },
    { name: 'helper', image: 'two' },
  ]
  const tolerations = [{ key: 'a', operator: 'Exists' }]
  await api.call('POST', DEPLOYMENTS, {
    body: {
      metadata: { name: 'web' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers, tolerations } },
      },
    },
  })
})
after(() => api.stop())

// biome-ignore lint/suspicious/noExplicitAny: whatever JSON the server gives
type Json = any

async function strategic(podSpec: object): Promise<Json> {
  const body = { spec: { template: { spec: podSpec } } }
  const answer = await api.call('PATCH', `${DEPLOYMENTS}/web`, { body, type: STRATEGIC })
  assert.equal(answer.status, 200, answer.text)
  return answer.json.spec.template.spec
}

const names = (list: Json): string[] => list.map(({ name }: { name: string }) => name)

test('a JSON patch applies in order, all of it or nothing', async () => {
  await api.call('POST', MAPS, { body: configMap('json', { a: '1' }) })
  const patch = (body: unknown) => api.call('PATCH', `${MAPS}/json`, { body, type: JSON_PATCH })
  const done = await patch([
    { op: 'test', path: '/data/a', value: '1' },
    { op: 'add', path: '/metadata/labels/istio.io~1dataplane-mode', value: 'ambient' },
    { op: 'copy', from: '/data/a', path: '/data/b' },
    { op: 'move', from: '/data/a', path: '/data/c' },
    { op: 'replace', path: '/data/b', value: '2' },
  ])
  assert.deepEqual(done.json.data, { b: '2', c: '1' })
  assert.deepEqual(done.json.metadata.labels, { 'istio.io/dataplane-mode': 'ambient' })
  const failed = await patch([
    { op: 'replace', path: '/data/b', value: '9' },
    { op: 'test', path: '/data/c', value: 'not this' },
  ])
  assert.deepEqual([failed.status, failed.json.reason], [422, 'Invalid'])
  assert.match(failed.json.message, /testing value \/data\/c failed/)
  assert.equal((await patch([{ op: 'remove', path: '/data/none' }])).status, 422)
  assert.equal((await patch([{ op: 'invent', path: '/data' }])).status, 422)
  assert.equal((await patch({ data: {} })).status, 400)
  assert.deepEqual((await api.call('GET', `${MAPS}/json`)).json.data, { b: '2', c: '1' })
})

test('a merge patch removes with null and replaces lists', async () => {
  await api.call('POST', MAPS, { body: configMap('merge', { a: '1', b: '2' }, { x: 'y' }) })
  const body = { data: { a: null, c: '3' }, metadata: { labels: { x: null } } }
  const done = await api.call('PATCH', `${MAPS}/merge`, { body, type: MERGE })
  assert.deepEqual([done.json.data, done.json.metadata.labels], [{ b: '2', c: '3' }, {}])
  const stale = { metadata: { resourceVersion: '1' }, data: {} }
  assert.equal((await api.call('PATCH', `${MAPS}/merge`, { body: stale, type: MERGE })).status, 409)
})

test('a strategic patch merges containers, env and ports by their keys', async () => {
  const spec = await strategic({
    containers: [
      { name: 'app', env: [{ name: 'B', value: '2' }], ports: [{ containerPort: 81 }] },
      { name: 'third', image: 'three' },
    ],
  })
  assert.deepEqual(names(spec.containers), ['app', 'third', 'helper'])
  assert.equal(spec.containers[0].image, 'one')
  assert.deepEqual(names(spec.containers[0].env), ['B', 'A'])
  assert.deepEqual(
    spec.containers[0].ports.map(({ containerPort }: Json) => containerPort),
    [81, 80],
  )
})

test('a strategic patch deletes by key, replaces on demand, and replaces lists without a key', async () => {
  let spec = await strategic({ containers: [{ name: 'third', $patch: 'delete' }] })
  assert.deepEqual(names(spec.containers), ['app', 'helper'])
  spec = await strategic({ tolerations: [{ key: 'b', operator: 'Exists' }] })
  assert.deepEqual(spec.tolerations, [{ key: 'b', operator: 'Exists' }])
  spec = await strategic({
    $setElementOrder: [],
    '$setElementOrder/containers': [{ name: 'helper' }, { name: 'app' }],
  })
  assert.deepEqual(names(spec.containers), ['helper', 'app'])
  spec = await strategic({ containers: [{ $patch: 'replace' }, { name: 'only', image: 'x' }] })
  assert.deepEqual(names(spec.containers), ['only'])
  assert.equal('$patch' in spec.containers[0], false)
})

test('a strategic patch leaves of a webhook what it does not name', async () => {
  const hooks = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'
  const clientConfig = { service: { name: 'injector', namespace: 'default', port: 443 } }
  const webhook = { name: 'a.example.com', clientConfig, sideEffects: 'None' }
  await api.call('POST', hooks, { body: { metadata: { name: 'hooks' }, webhooks: [webhook] } })
  // As a second `kubectl apply` of the same file sends it.
  const body = { webhooks: [{ name: 'a.example.com', namespaceSelector: { matchLabels: {} } }] }
  const { status, json } = await api.call('PATCH', `${hooks}/hooks`, { body, type: STRATEGIC })
  assert.equal(status, 200)
  assert.deepEqual(json.webhooks[0].clientConfig, clientConfig)
  assert.equal(json.webhooks[0].sideEffects, 'None')
})

test('custom resources take every patch but a strategic one, as in a real cluster', async () => {
  const path = '/apis/security.istio.io/v1/namespaces/default/authorizationpolicies'
  await api.call('POST', path, { body: { metadata: { name: 'p' }, spec: {} } })
  const patch = (type: string) =>
    api.call('PATCH', `${path}/p`, { body: { spec: { action: 'DENY' } }, type })
  assert.equal((await patch(MERGE)).status, 200)
  const refused = await patch(STRATEGIC)
  assert.deepEqual([refused.status, refused.json.reason], [415, 'UnsupportedMediaType'])
  assert.equal((await patch('application/json')).status, 415)
})

test('an applied object is made, then owned field by field', async () => {
  const apply = (manager: string, data: object, more = '') =>
    api.call('PATCH', `${MAPS}/applied?fieldManager=${manager}${more}`, {
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data },
      type: APPLY,
    })
  assert.equal((await apply('one', { a: '1', b: '1' })).status, 201)
  const both = await apply('two', { c: '2' })
  assert.deepEqual(both.json.data, { a: '1', b: '1', c: '2' })
  assert.deepEqual(
    both.json.metadata.managedFields.map(({ manager, fieldsV1 }: Json) => [manager, fieldsV1]),
    [
      ['one', { 'f:data': { 'f:a': {}, 'f:b': {} } }],
      ['two', { 'f:data': { 'f:c': {} } }],
    ],
  )
  const dropped = await apply('one', { a: '1' })
  assert.deepEqual(dropped.json.data, { a: '1', c: '2' })
  const conflict = await apply('one', { a: '1', c: 'mine' })
  assert.deepEqual([conflict.status, conflict.json.reason], [409, 'Conflict'])
  assert.deepEqual(conflict.json.details.causes[0], {
    reason: 'FieldManagerConflict',
    message: 'conflict with "two"',
    field: '.data.c',
  })
  const forced = await apply('one', { a: '1', c: 'mine' }, '&force=true')
  assert.deepEqual(forced.json.data, { a: '1', c: 'mine' })
  const again = await apply('one', { a: '1', c: 'mine' })
  assert.equal(again.json.metadata.resourceVersion, forced.json.metadata.resourceVersion)
  assert.equal((await apply('', { a: '1' })).status, 422)
})

test('apply reads YAML', async () => {
  const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  a: "1"\n'
  const path = `${MAPS}/yaml?fieldManager=t`
  const made = await api.call('PATCH', path, { body, type: APPLY })
  assert.deepEqual([made.status, made.json.data], [201, { a: '1' }])
  const broken = await api.call('PATCH', path, { body: 'a: [', type: APPLY })
  assert.equal(broken.status, 400)
})

test('a patch cannot rename or reach the prototype of anything', async () => {
  await api.call('POST', MAPS, { body: configMap('safe') })
  const rename = { metadata: { name: 'other' } }
  assert.equal((await api.call('PATCH', `${MAPS}/safe`, { body: rename, type: MERGE })).status, 400)
  const evil = '{"data":{"__proto__":{"polluted":"yes"}},"__proto__":{"polluted":"yes"}}'
  for (const type of [MERGE, STRATEGIC]) {
    await api.call('PATCH', `${MAPS}/safe`, { body: evil, type })
  }
  const pointer = [{ op: 'add', path: '/__proto__/polluted', value: 'yes' }]
  assert.equal(
    (await api.call('PATCH', `${MAPS}/safe`, { body: pointer, type: JSON_PATCH })).status,
    400,
  )
  assert.equal(({} as Json).polluted, undefined)
})
