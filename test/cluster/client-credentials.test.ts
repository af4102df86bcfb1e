import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connectCluster } from '../../cluster/client/connect.ts'
import { ClusterError } from '../../cluster/errors.ts'
import { type FaultyApi, startFaultyApi } from '../support/faulty-api.ts'
import { type ApiFixture, configMap, startApi } from './api-fixture.ts'

const one = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'one' }
let api: ApiFixture
let faulty: FaultyApi
let directory: string

before(async () => {
  api = await startApi()
  api.store.create(configMap('one', { n: '1' }))
  directory = await mkdtemp(join(tmpdir(), 'meshbench-credentials-'))
  faulty = await startFaultyApi({ target: api.server, directory })
})
after(async () => {
  await faulty.stop()
  await api.stop()
  await rm(directory, { recursive: true })
})

test('a token that has expired is read anew from the kubeconfig, once', async () => {
  const { kubeconfigPath } = faulty
  const good = await readFile(kubeconfigPath, 'utf8')
  await writeFile(kubeconfigPath, good.replace(/token: .*/, 'token: "expired"'))
  const client = await connectCluster({ kubeconfigPath })
  await assert.rejects(
    client.get(one),
    (error) => error instanceof ClusterError && error.status === 401,
  )
  await writeFile(kubeconfigPath, good)
  const asked = faulty.seen.length
  const found = await client.get(one)
  assert.equal(found?.metadata.name, 'one')
  assert.equal(faulty.seen.length, asked + 2)
  await client.get(one)
  assert.equal(faulty.seen.length, asked + 3, 'the renewed token stays in use')
})

test('how long a server asks to be left alone is told, whether a Status or a header says it', async () => {
  const client = await connectCluster({ kubeconfigPath: faulty.kubeconfigPath })
  faulty.inflict(() => ({ answer: 429, body: 'too many', headers: { 'retry-after': '7' } }))
  const seconds = (error: unknown) =>
    error instanceof ClusterError && error.status === 429 && error.details?.retryAfterSeconds === 7
  await assert.rejects(client.get(one), seconds)
  const status = { kind: 'Status', apiVersion: 'v1', message: 'too many', code: 429 }
  faulty.inflict(() => ({ answer: 429, body: { ...status, details: { retryAfterSeconds: 7 } } }))
  await assert.rejects(client.get(one), seconds)
  faulty.inflict(undefined)
})

test('a server that says nothing is given up after the time asked for', async () => {
  const { kubeconfigPath } = faulty
  const client = await connectCluster({ kubeconfigPath, requestTimeoutMs: 100 })
  faulty.inflict(() => ({ silent: 'before' }))
  await assert.rejects(
    client.get(one),
    (error) => error instanceof ClusterError && error.status === undefined,
  )
  faulty.inflict(undefined)
})

test('an object is deleted only as it was, when asked so', async () => {
  const client = await connectCluster({ kubeconfigPath: faulty.kubeconfigPath })
  const { uid, resourceVersion } = (await client.get(one))?.metadata ?? {}
  assert.ok(uid && resourceVersion)
  api.store.update(configMap('one', { n: '2' }))
  await assert.rejects(
    client.delete(one, { uid, resourceVersion }),
    (error) => error instanceof ClusterError && error.status === 409,
  )
  const now = (await client.get(one))?.metadata.resourceVersion ?? ''
  await client.delete(one, { uid, resourceVersion: now })
  assert.equal(await client.get(one), undefined)
})
