import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { configMap, deployment, PATCH, type Server, startServer } from './server.ts'

let server: Server
const maps = (...rest: string[]) => server.path('configmaps', ...rest)
const patchMap = (name: string, type: string, body: unknown) =>
  server.call('PATCH', maps(name), { body, type })

before(async () => {
  server = await startServer()
})
after(() => server.stop())

test('a JSON patch does all of its operations or none', async () => {
  await server.call('POST', maps(), { body: configMap('json', { a: '1', b: '2' }) })
  const done = await patchMap('json', PATCH.json, [
    { op: 'test', path: '/data/a', value: '1' },
    { op: 'add', path: '/data/c', value: '3' },
    { op: 'replace', path: '/data/a', value: '9' },
    { op: 'copy', from: '/data/b', path: '/data/d' },
    { op: 'move', from: '/data/b', path: '/data/e_f' },
    { op: 'remove', path: '/data/c' },
  ])
  assert.deepEqual([done.status, done.json.data], [200, { a: '9', d: '2', e_f: '2' }])
  for (const failing of [
    [{ op: 'test', path: '/data/a', value: 'no' }],
    [{ op: 'remove', path: '/data/absent' }],
    [{ op: 'replace', path: '/spec/absent', value: '1' }],
  ]) {
    const operations = [{ op: 'add', path: '/data/half', value: 'done' }, ...failing]
    const { status, json } = await patchMap('json', PATCH.json, operations)
    assert.deepEqual([status, json.reason], [422, 'Invalid'], json.message)
  }
  assert.equal((await server.call('GET', maps('json'))).json.data.half, undefined)
  // Unlike the RFC, which wants something there to be replaced.
  const fresh = [{ op: 'replace', path: '/data/fresh', value: '1' }]
  assert.equal((await patchMap('json', PATCH.json, fresh)).json.data.fresh, '1')
  const ofNothing = [{ op: 'copy', from: '/data/absent', path: '/data/empty' }]
  assert.equal((await patchMap('json', PATCH.json, ofNothing)).json.data.empty, '')
  const object = await patchMap('json', PATCH.json, { data: {} })
  assert.equal(object.status, 400)
})

test('a merge patch merges objects, takes null for removal and replaces lists', async () => {
  const metadata = { labels: { a: '1', b: '2' }, finalizers: ['example.com/a', 'example.com/b'] }
  await server.call('POST', maps(), { body: configMap('merge', { k: 'v' }, metadata) })
  const { status, json } = await patchMap('merge', PATCH.merge, {
    metadata: { labels: { a: null, c: '3' }, finalizers: ['example.com/c'] },
    data: { more: 'x' },
  })
  assert.deepEqual(
    [status, json.metadata.labels, json.metadata.finalizers, json.data],
    [200, { b: '2', c: '3' }, ['example.com/c'], { k: 'v', more: 'x' }],
  )
  await patchMap('merge', PATCH.merge, { metadata: { finalizers: null } })
})

test('a strategic merge patch knows which lists are keyed', async () => {
  const path = server.path('apps/v1/deployments')
  await server.call('POST', path, { body: deployment('web') })
  const patch = async (containers: unknown[], more: object = {}) => {
    const body = { spec: { template: { spec: { containers, ...more } } } }
    const answer = await server.call('PATCH', `${path}/web`, { body, type: PATCH.strategic })
    assert.equal(answer.status, 200, answer.text)
    return answer.json.spec.template.spec.containers
  }
  const both = await patch([
    { name: 'side', image: 'side:1', env: [{ name: 'A', value: '1' }] },
    { name: 'app', env: [{ name: 'B', value: '2' }] },
  ])
  const titles = both.map(({ name, image }: { name: string; image: string }) => `${name} ${image}`)
  assert.deepEqual(titles.toSorted(), ['app registry.k8s.io/pause:3.9', 'side side:1'])
  const order = { '$setElementOrder/containers': [{ name: 'side' }, { name: 'app' }] }
  const changed = await patch([{ name: 'side', env: [{ name: 'A', value: '2' }] }], order)
  assert.deepEqual(changed[0].env, [{ name: 'A', value: '2' }])
  assert.deepEqual(
    changed.map(({ name }: { name: string }) => name),
    ['side', 'app'],
  )
  const one = await patch([{ name: 'side', $patch: 'delete' }])
  assert.equal(one.length, 1)
})

test('a strategic merge patch merges finalizers as a set', async () => {
  const metadata = { finalizers: ['example.com/a'] }
  await server.call('POST', maps(), { body: configMap('set', {}, metadata) })
  const added = await patchMap('set', PATCH.strategic, {
    metadata: { finalizers: ['example.com/b'] },
  })
  assert.deepEqual(added.json.metadata.finalizers.toSorted(), ['example.com/a', 'example.com/b'])
  const taken = await patchMap('set', PATCH.strategic, {
    metadata: { '$deleteFromPrimitiveList/finalizers': ['example.com/a'] },
  })
  assert.deepEqual(taken.json.metadata.finalizers, ['example.com/b'])
  await patchMap('set', PATCH.merge, { metadata: { finalizers: null } })
})

test('a patch that names an old version is a conflict', async () => {
  const made = await server.call('POST', maps(), { body: configMap('old') })
  await patchMap('old', PATCH.merge, { data: { n: '1' } })
  const { resourceVersion } = made.json.metadata
  const late = { metadata: { resourceVersion }, data: { n: '2' } }
  const { status, json } = await patchMap('old', PATCH.merge, late)
  assert.deepEqual([status, json.reason], [409, 'Conflict'])
})

test('patches that come together all arrive', async () => {
  await server.call('POST', maps(), { body: configMap('busy') })
  const keys = ['a', 'b', 'c', 'd']
  const answers = await Promise.all(
    keys.map((key) => patchMap('busy', PATCH.merge, { data: { [key]: 'here' } })),
  )
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 200],
  )
  const { json } = await server.call('GET', maps('busy'))
  assert.deepEqual(Object.keys(json.data).toSorted(), keys)
})

test('a patch that changes nothing makes no new version', async () => {
  const made = await server.call('POST', maps(), { body: configMap('same', { n: '1' }) })
  for (const type of [PATCH.merge, PATCH.strategic]) {
    const { json } = await patchMap('same', type, { data: { n: '1' } })
    assert.equal(json.metadata.resourceVersion, made.json.metadata.resourceVersion, type)
  }
})

test('patches of no known kind, for no known object and into nonsense are refused', async () => {
  await server.call('POST', maps(), { body: configMap('target') })
  const unknown = await patchMap('target', 'application/json', {})
  assert.deepEqual([unknown.status, unknown.json.reason], [415, 'UnsupportedMediaType'])
  assert.equal((await patchMap('absent', PATCH.merge, { data: {} })).status, 404)
  const renamed = await patchMap('target', PATCH.merge, { metadata: { name: 'other' } })
  assert.equal(renamed.status, 400)
  const invalid = await patchMap('target', PATCH.merge, { metadata: { labels: { a: 'b c' } } })
  assert.equal(invalid.status, 422)
  const forced = await server.call('PATCH', `${maps('target')}?force=true`, {
    body: { data: {} },
    type: PATCH.merge,
  })
  assert.deepEqual([forced.status, forced.json.reason], [422, 'Invalid'])
})
