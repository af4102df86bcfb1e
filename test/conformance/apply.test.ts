import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { configMap, deployment, fields, PATCH, type Server, startServer } from './server.ts'

let server: Server
const maps = (...rest: string[]) => server.path('configmaps', ...rest)

before(async () => {
  server = await startServer()
})
after(() => server.stop())

function apply(path: string, manager: string, body: unknown, more = '') {
  const query = `fieldManager=${manager}${more}`
  return server.call('PATCH', `${path}?${query}`, { body, type: PATCH.apply })
}

// biome-ignore lint/suspicious/noExplicitAny: entries of managedFields as they came
const entryOf = (object: any, manager: string, operation = 'Apply') =>
  object.metadata.managedFields.find(
    (entry: { manager: string; operation: string }) =>
      entry.manager === manager && entry.operation === operation,
  )

test('applying makes the object, applying it again changes nothing', async () => {
  const made = await apply(maps('new'), 'one', configMap('new', { a: '1' }))
  assert.equal(made.status, 201, made.text)
  const entry = entryOf(made.json, 'one')
  assert.deepEqual(
    [entry.apiVersion, entry.fieldsType, entry.fieldsV1],
    ['v1', 'FieldsV1', { 'f:data': { 'f:a': {} } }],
  )
  const again = await apply(maps('new'), 'one', configMap('new', { a: '1' }))
  assert.deepEqual([again.status, again.json], [200, made.json])
})

test('what a manager no longer applies goes, what others own stays', async () => {
  await apply(maps('shared'), 'one', configMap('shared', { a: '1', b: '1' }))
  await apply(maps('shared'), 'two', configMap('shared', { b: '1', c: '1' }))
  const less = await apply(maps('shared'), 'one', configMap('shared', { a: '1' }))
  assert.deepEqual(less.json.data, { a: '1', b: '1', c: '1' })
  const gone = await apply(maps('shared'), 'two', configMap('shared', { c: '1' }))
  assert.deepEqual(gone.json.data, { a: '1', c: '1' })
})

test('a field that another manager applied is a conflict until forced', async () => {
  await apply(maps('fought'), 'one', configMap('fought', { a: '1', b: '1' }))
  const refused = await apply(maps('fought'), 'two', configMap('fought', { a: '2' }))
  assert.deepEqual(
    [refused.status, refused.json.reason, refused.json.message, refused.json.details.causes],
    [
      409,
      'Conflict',
      'Apply failed with 1 conflict: conflict with "one": .data.a',
      [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' }],
    ],
  )
  const forced = await apply(maps('fought'), 'two', configMap('fought', { a: '2' }), '&force=true')
  assert.deepEqual([forced.status, forced.json.data], [200, { a: '2', b: '1' }])
  assert.deepEqual(entryOf(forced.json, 'one').fieldsV1, { 'f:data': { 'f:b': {} } })
  const late = await apply(maps('fought'), 'one', configMap('fought', { a: '1', b: '1' }))
  assert.equal(late.status, 409)
})

test('whoever creates or changes a field by other means owns it too', async () => {
  const body = configMap('mixed', { a: '1' })
  const made = await server.call('POST', `${maps()}?fieldManager=maker`, { body })
  assert.deepEqual(entryOf(made.json, 'maker', 'Update').fieldsV1, {
    'f:data': { '.': {}, 'f:a': {} },
  })
  const refused = await apply(maps('mixed'), 'one', configMap('mixed', { a: '2' }))
  assert.equal(refused.status, 409)
  assert.match(
    refused.json.message,
    /^Apply failed with 1 conflict: conflict with "maker" using v1: \.data\.a$/,
  )
  await apply(maps('mixed'), 'one', configMap('mixed', { b: '1' }))
  const patch = { body: { data: { b: '2' } }, type: PATCH.merge }
  const patched = await server.call('PATCH', `${maps('mixed')}?fieldManager=patcher`, patch)
  assert.deepEqual(entryOf(patched.json, 'patcher', 'Update').fieldsV1, { 'f:data': { 'f:b': {} } })
  assert.equal(entryOf(patched.json, 'one'), undefined)
})

test('text of a Secret is owned as the data that it becomes', async () => {
  const path = server.path('secrets')
  const body = { metadata: { name: 'text' }, stringData: { a: 'one' } }
  const made = await server.call('POST', `${path}?fieldManager=maker`, { body })
  assert.deepEqual(made.json.data, { a: 'b25l' })
  assert.deepEqual(entryOf(made.json, 'maker', 'Update').fieldsV1['f:data'], {
    '.': {},
    'f:a': {},
  })
})

test('managers share a list by its keys', async () => {
  const path = server.path('apps/v1/deployments', 'web')
  const made = await apply(path, 'one', deployment('web'))
  assert.equal(made.status, 201, made.text)
  const side = { name: 'side', image: 'side:1' }
  const template = (containers: object[]) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: { template: { spec: { containers } } },
  })
  const both = await apply(path, 'two', template([side]))
  assert.equal(both.status, 200, both.text)
  assert.equal(both.json.spec.template.spec.containers.length, 2)
  const refused = await apply(path, 'three', template([{ name: 'side', image: 'side:2' }]))
  assert.deepEqual(
    [refused.status, fields(refused.json)],
    [409, ['.spec.template.spec.containers[name="side"].image']],
  )
  const metadata = { name: 'web', labels: { kept: 'yes' } }
  const nothing = { apiVersion: 'apps/v1', kind: 'Deployment', metadata }
  const dropped = await apply(path, 'two', nothing)
  assert.deepEqual(
    dropped.json.spec.template.spec.containers.map(({ name }: { name: string }) => name),
    ['app'],
  )
})

test('an apply without a manager or with managed fields of its own is refused', async () => {
  const nobody = await server.call('PATCH', maps('x'), { body: configMap('x'), type: PATCH.apply })
  assert.deepEqual([nobody.status, nobody.json.reason], [422, 'Invalid'])
  const claims = configMap('x', {}, { managedFields: [{ manager: 'a', operation: 'Apply' }] })
  assert.equal((await apply(maps('x'), 'one', claims)).status, 400)
})

test('YAML is applied as well as JSON, and a dry run stores nothing', async () => {
  const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  a: "1"\n'
  const dry = await apply(maps('yaml'), 'one', yaml, '&dryRun=All')
  assert.deepEqual([dry.status, dry.json.data], [201, { a: '1' }])
  assert.equal((await server.call('GET', maps('yaml'))).status, 404)
  assert.equal((await apply(maps('yaml'), 'one', yaml)).status, 201)
})
