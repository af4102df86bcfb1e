import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { connectCluster } from '../../cluster/client/connect.ts'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { ClusterError } from '../../cluster/errors.ts'
import { type ApiFixture, configMap, startApi } from './api-fixture.ts'

const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap' }
const inDefault = (name: string) => ({ ...CONFIG_MAP, namespace: 'default', name })

let api: ApiFixture
let client: ClusterClient

before(async () => {
  api = await startApi()
  client = await api.client()
})
after(() => api.stop())

test('the kubeconfig is readable by its owner only', async () => {
  assert.equal((await stat(api.kubeconfigPath)).mode & 0o777, 0o600)
})

test('an object goes through its life: made, read, patched, deleted, absent', async () => {
  const made = await client.create(configMap('life', { n: '1' }))
  assert.match(String(made.metadata.creationTimestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  const patched = await client.patch(inDefault('life'), 'merge', { data: { n: '2' } })
  assert.deepEqual(patched.data, { n: '2' })
  assert.deepEqual((await client.get(inDefault('life')))?.data, { n: '2' })
  await client.delete(inDefault('life'))
  assert.equal(await client.get(inDefault('life')), undefined)
  await client.delete(inDefault('life'))
})

test('each patch type reaches the server as what it is', async () => {
  await client.create(configMap('types', { a: '1' }))
  const ref = inDefault('types')
  await client.patch(ref, 'json', [
    { op: 'test', path: '/data/a', value: '1' },
    { op: 'add', path: '/data/b', value: '2' },
  ])
  await client.patch(ref, 'merge', { data: { a: null } })
  await client.patch(ref, 'strategic', { metadata: { labels: { x: 'y' } } })
  await client.patch(ref, 'apply', { data: { c: '3' } }, { fieldManager: 'test' })
  const now = await client.get(ref)
  assert.deepEqual([now?.data, now?.metadata.labels], [{ b: '2', c: '3' }, { x: 'y' }])
  await assert.rejects(
    client.patch(ref, 'json', [{ op: 'test', path: '/data/b', value: 'other' }]),
    (error) => error instanceof ClusterError && error.status === 422,
  )
})

test('a list brings all pages together, with the kind on every item', async () => {
  for (let n = 0; n < 1_001; n += 1) api.store.create(configMap(`page-${n}`, {}, { page: 'yes' }))
  const items = await client.list(CONFIG_MAP, { labelSelector: 'page=yes' })
  assert.equal(items.length, 1_001)
  assert.ok(items.every(({ kind, apiVersion }) => kind === 'ConfigMap' && apiVersion === 'v1'))
  await api.call('DELETE', '/api/v1/namespaces/default/configmaps?labelSelector=page%3Dyes')
  assert.equal((await client.list(CONFIG_MAP, { labelSelector: 'page=yes' })).length, 0)
})

test('a list that shrinks its objects takes short pages, and begins again when its version is forgotten', async () => {
  for (let n = 0; n < 600; n += 1)
    api.store.create(configMap(`each-${n}`, { n: `${n}` }, { each: 'yes' }))
  const selection = { namespace: 'default', labelSelector: 'each=yes' }
  let seen = 0
  const names = await client.listEach(CONFIG_MAP, selection, ({ metadata, kind }) => {
    seen += 1
    // More changes than the server remembers, while the second page is on its way.
    if (seen === 250) {
      for (let n = 0; n < 5_000; n += 1) {
        api.store.mutate(inDefault('each-0'), (one) => ({ ...one, data: { n: `again ${n}` } }))
      }
    }
    return metadata.name === 'each-1' ? undefined : `${kind} ${metadata.name}`
  })
  assert.equal(new Set(names).size, 599)
  assert.equal(names.length, 599)
  assert.ok(names.includes('ConfigMap each-599') && !names.includes('ConfigMap each-1'))
  assert.equal(seen, 850, 'the first page comes twice')
  await api.call('DELETE', '/api/v1/namespaces/default/configmaps?labelSelector=each%3Dyes')
})

test('a failure carries what the Status said', async () => {
  await client.create(configMap('twice'))
  await assert.rejects(client.create(configMap('twice')), (error) => {
    assert.ok(error instanceof ClusterError)
    assert.deepEqual(
      [error.status, error.reason, error.message, error.code],
      [409, 'AlreadyExists', 'configmaps "twice" already exists', 'CLUSTER_ALREADY_EXISTS'],
    )
    assert.ok(error.hint.length > 0)
    return true
  })
})

test('a dry run is answered and not kept', async () => {
  const made = await client.create(configMap('dry'), { dryRun: true })
  assert.ok(made.metadata.uid)
  assert.equal(await client.get(inDefault('dry')), undefined)
})

test('a watch shows what is there, then what changes, and ends with its signal', async () => {
  api.store.create(configMap('seen', {}, { watch: 'me' }))
  const seen: string[] = []
  const done = new AbortController()
  await client.watch(
    CONFIG_MAP,
    { namespace: 'default', labelSelector: 'watch=me' },
    ({ type, object }) => {
      seen.push(`${type} ${object.metadata.name}`)
      if (type === 'DELETED') done.abort()
    },
    done.signal,
    {
      onSynced: () => {
        seen.push('synced')
        api.store.update(configMap('seen', { n: '1' }, { watch: 'me' }))
        api.store.delete(inDefault('seen'))
      },
    },
  )
  assert.deepEqual(seen, ['ADDED seen', 'synced', 'MODIFIED seen', 'DELETED seen'])
})

test('the server says that it is embedded', async () => {
  assert.deepEqual(await client.version(), { gitVersion: 'v1.36.3+meshbench', embedded: true })
})

test('a missing kubeconfig, an unknown context and a dead server each say so', async () => {
  await assert.rejects(connectCluster({ kubeconfigPath: '/nonexistent/config' }), {
    code: 'CLUSTER_KUBECONFIG',
    exitCode: 2,
  })
  await assert.rejects(
    connectCluster({ kubeconfigPath: api.kubeconfigPath, context: 'prod' }),
    /no context "prod"; it has meshbench/,
  )
  const { KUBECONFIG, HOME } = process.env
  try {
    // An empty home: the library makes up a context of its own, which nobody should be told of.
    process.env.KUBECONFIG = ''
    process.env.HOME = '/nonexistent'
    await assert.rejects(connectCluster({ context: 'prod' }), /No kubeconfig with a current/)
  } finally {
    restore('KUBECONFIG', KUBECONFIG)
    restore('HOME', HOME)
  }
  const other = await startApi()
  const orphan = await other.client()
  await orphan.version()
  await other.server.close()
  await assert.rejects(orphan.version(), { code: 'CLUSTER_UNREACHABLE', exitCode: 5 })
  await other.stop()
})

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}
