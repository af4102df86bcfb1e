import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { configMap, fields, names, type Server, startServer } from './server.ts'

let server: Server
const maps = (...rest: string[]) => server.path('configmaps', ...rest)

before(async () => {
  server = await startServer()
})
after(() => server.stop())

test('an object is created, read, replaced and deleted with the codes of Kubernetes', async () => {
  const made = await server.call('POST', maps(), { body: configMap('crud', { n: '1' }) })
  assert.equal(made.status, 201)
  const read = await server.call('GET', maps('crud'))
  assert.deepEqual([read.status, read.json], [200, made.json])
  const put = await server.call('PUT', maps('crud'), { body: { ...made.json, data: { n: '2' } } })
  assert.deepEqual([put.status, put.json.data], [200, { n: '2' }])
  assert.notEqual(put.json.metadata.resourceVersion, made.json.metadata.resourceVersion)
  const gone = await server.call('DELETE', maps('crud'))
  assert.deepEqual(
    [gone.status, gone.json.kind, gone.json.status, gone.json.details],
    [200, 'Status', 'Success', { name: 'crud', kind: 'configmaps', uid: made.json.metadata.uid }],
  )
  const absent = await server.call('GET', maps('crud'))
  assert.deepEqual(
    [absent.status, absent.json.reason, absent.json.message, absent.json.details],
    [404, 'NotFound', 'configmaps "crud" not found', { name: 'crud', kind: 'configmaps' }],
  )
})

test('the server gives identity and age, whatever the client claims', async () => {
  const claimed = { uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z' }
  const { json } = await server.call('POST', maps(), { body: configMap('claims', {}, claimed) })
  assert.notEqual(json.metadata.uid, 'mine')
  assert.notEqual(json.metadata.creationTimestamp, claimed.creationTimestamp)
  assert.match(json.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.equal(json.metadata.namespace, server.namespace)
})

test('a name that is taken is a conflict of its own kind', async () => {
  await server.call('POST', maps(), { body: configMap('taken') })
  const { status, json } = await server.call('POST', maps(), { body: configMap('taken') })
  assert.deepEqual(
    [status, json.reason, json.message],
    [409, 'AlreadyExists', 'configmaps "taken" already exists'],
  )
})

test('generateName is completed to a name of its own each time', async () => {
  const body = { metadata: { generateName: 'made-' } }
  const first = await server.call('POST', maps(), { body })
  const second = await server.call('POST', maps(), { body })
  assert.match(first.json.metadata.name, /^made-[a-z0-9]{5}$/)
  assert.notEqual(second.json.metadata.name, first.json.metadata.name)
  assert.equal(first.json.metadata.generateName, 'made-')
})

test('a write based on an old version is refused and changes nothing', async () => {
  const made = await server.call('POST', maps(), { body: configMap('stale', { n: '1' }) })
  await server.call('PUT', maps('stale'), { body: { ...made.json, data: { n: '2' } } })
  const late = await server.call('PUT', maps('stale'), { body: { ...made.json, data: {} } })
  assert.deepEqual([late.status, late.json.reason], [409, 'Conflict'])
  assert.match(
    late.json.message,
    /^Operation cannot be fulfilled on configmaps "stale": the object/,
  )
  const { resourceVersion: _, ...metadata } = made.json.metadata
  const blind = { ...made.json, metadata, data: { n: '3' } }
  const overwritten = await server.call('PUT', maps('stale'), { body: blind })
  assert.deepEqual([overwritten.status, overwritten.json.data], [200, { n: '3' }])
})

test('writing what is there already makes no new version', async () => {
  const made = await server.call('POST', maps(), { body: configMap('same', { n: '1' }) })
  const again = await server.call('PUT', maps('same'), { body: made.json })
  assert.equal(again.json.metadata.resourceVersion, made.json.metadata.resourceVersion)
})

test('a body that contradicts its URL is a bad request', async () => {
  await server.call('POST', maps(), { body: configMap('agree') })
  const attempts = [
    ['POST', maps(), { ...configMap('a'), kind: 'Secret' }],
    ['POST', maps(), configMap('a', {}, { namespace: 'kube-system' })],
    ['PUT', maps('agree'), configMap('other')],
  ] as const
  for (const [method, path, body] of attempts) {
    const { status, json } = await server.call(method, path, { body })
    assert.deepEqual([status, json.kind, json.reason], [400, 'Status', 'BadRequest'], json.message)
  }
})

test('nothing can be made in a namespace that is not there', async () => {
  const path = '/api/v1/namespaces/conformance-nowhere/configmaps'
  const { status, json } = await server.call('POST', path, { body: configMap('a') })
  assert.deepEqual([status, json.message], [404, 'namespaces "conformance-nowhere" not found'])
})

test('paths and methods that mean nothing are told apart', async () => {
  const absent = await server.call('GET', server.path('nosuchthings'))
  assert.equal(absent.status, 404)
  const group = await server.call('GET', '/apis/nosuch.example.com/v1/things')
  assert.equal(group.status, 404)
  const method = await server.call('PUT', maps(), { body: configMap('a') })
  assert.deepEqual([method.status, method.json.reason], [405, 'MethodNotAllowed'])
})

test('a dry run answers as if and changes nothing', async () => {
  const made = await server.call('POST', maps(), { body: configMap('kept', { n: '1' }) })
  const dry = (path: string) => `${path}?dryRun=All`
  const created = await server.call('POST', dry(maps()), { body: configMap('dry') })
  assert.equal(created.status, 201)
  assert.equal((await server.call('GET', maps('dry'))).status, 404)
  const type = 'application/merge-patch+json'
  const patch = { body: { data: { n: '2' } }, type }
  assert.equal((await server.call('PATCH', dry(maps('kept')), patch)).json.data.n, '2')
  const replaced = { body: { ...made.json, data: { n: '3' } } }
  assert.equal((await server.call('PUT', dry(maps('kept')), replaced)).json.data.n, '3')
  assert.equal((await server.call('DELETE', dry(maps('kept')))).status, 200)
  await server.call('DELETE', maps('kept'), { body: { dryRun: ['All'] } })
  assert.deepEqual((await server.call('GET', maps('kept'))).json, made.json)
  const invalid = await server.call('POST', dry(maps()), { body: configMap('No') })
  assert.equal(invalid.status, 422)
  const unknown = await server.call('POST', `${maps()}?dryRun=Some`, { body: configMap('x') })
  assert.deepEqual([unknown.status, unknown.json.reason], [422, 'Invalid'])
})

test('a deletion with a precondition hits only the object meant', async () => {
  const made = await server.call('POST', maps(), { body: configMap('exact') })
  const { uid, resourceVersion } = made.json.metadata
  for (const preconditions of [{ uid: 'another' }, { uid, resourceVersion: '1' }]) {
    const { status, json } = await server.call('DELETE', maps('exact'), { body: { preconditions } })
    assert.deepEqual([status, json.reason], [409, 'Conflict'])
    assert.match(json.message, /in the precondition \(.*\) does not match/)
  }
  const body = { preconditions: { uid, resourceVersion } }
  assert.equal((await server.call('DELETE', maps('exact'), { body })).status, 200)
})

test('a replacement that names another uid is refused', async () => {
  const made = await server.call('POST', maps(), { body: configMap('uids') })
  const metadata = { ...made.json.metadata, uid: 'another' }
  const answer = await server.call('PUT', maps('uids'), { body: { ...made.json, metadata } })
  assert.deepEqual([answer.status, answer.json.reason], [409, 'Conflict'])
})

test('some kinds answer a deletion with the object that has gone', async () => {
  const service = { metadata: { name: 'told' }, spec: { ports: [{ port: 80 }] } }
  for (const [resource, body] of [
    ['services', service],
    ['serviceaccounts', { metadata: { name: 'told' } }],
  ] as const) {
    const made = await server.call('POST', server.path(resource), { body })
    const gone = await server.call('DELETE', server.path(resource, 'told'))
    assert.deepEqual(
      [gone.status, gone.json.kind, gone.json.metadata.uid],
      [200, made.json.kind, made.json.metadata.uid],
    )
    assert.equal((await server.call('GET', server.path(resource, 'told'))).status, 404)
  }
})

test('options that a request cannot have are refused with their names', async () => {
  const manager = 'm'.repeat(129)
  const write = `${maps()}?fieldManager=${manager}&dryRun=Some`
  const refused = await server.call('POST', write, { body: configMap('options') })
  assert.deepEqual([refused.status, refused.json.reason], [422, 'Invalid'])
  assert.deepEqual(fields(refused.json).toSorted(), ['dryRun', 'fieldManager'])
  assert.equal(refused.json.details.kind, 'CreateOptions')
  const body = { propagationPolicy: 'Sideways' }
  const deletion = await server.call('DELETE', maps('options'), { body })
  assert.deepEqual([deletion.status, fields(deletion.json)], [422, ['propagationPolicy']])
})

test('deleting a collection takes what is selected and nothing else', async () => {
  for (const name of ['drop-1', 'drop-2', 'drop-3']) {
    const labels = { drop: name === 'drop-3' ? 'no' : 'yes' }
    await server.call('POST', maps(), { body: configMap(name, {}, { labels }) })
  }
  const answer = await server.call('DELETE', `${maps()}?labelSelector=drop%3Dyes`)
  assert.equal(answer.status, 200)
  const left = await server.call('GET', `${maps()}?labelSelector=drop`)
  assert.deepEqual(names(left.json), ['drop-3'])
})

test('malformed bodies are refused with a Status', async () => {
  for (const body of ['{"metadata":', '[]', '"text"', '{"metadata":"text"}']) {
    const { status, json } = await server.call('POST', maps(), { body })
    assert.deepEqual([status, json.kind, json.reason], [400, 'Status', 'BadRequest'], body)
  }
  const strange = await server.call('POST', maps(), { body: 'name=a', type: 'text/plain' })
  assert.deepEqual([strange.status, strange.json.reason], [415, 'UnsupportedMediaType'])
  const yaml = 'metadata:\n  name: from-yaml\ndata:\n  key: "1"\n'
  const accepted = await server.call('POST', maps(), { body: yaml, type: 'application/yaml' })
  assert.deepEqual([accepted.status, accepted.json.data], [201, { key: '1' }])
  // YAML 1.1: these are false and true.
  const old = 'metadata:\n  name: yaml-1-1\nimmutable: yes\ndata:\n  n: "1"\n'
  const read = await server.call('POST', maps(), { body: old, type: 'application/yaml' })
  assert.deepEqual([read.status, read.json.immutable, read.json.data], [201, true, { false: '1' }])
})
