import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connectCluster } from '../../cluster/client/connect.ts'
import { startEmbeddedCluster } from '../../cluster/embedded/index.ts'
import type { Answer } from '../fixtures/http-get.ts'
import { appObject, namespaceObject, nodeObject, socketApp } from '../fixtures/running-core.ts'
import { readyPods } from '../support/ready-pods.ts'

test('a client deploys, reads logs and reaches a pod through nothing but the API', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mb-embedded-'))
  const notices: string[] = []
  const cluster = await startEmbeddedCluster({
    directory,
    images: socketApp,
    onNotice: (notice) => notices.push(notice),
  })
  t.after(async () => {
    await cluster.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const client = await connectCluster({ kubeconfigPath: cluster.kubeconfigPath })
  await client.create(nodeObject('one'))
  await client.create(namespaceObject('shop'))
  await client.create(appObject('shop', 'app'))
  const [pod] = await readyPods(client, 'shop', 1)
  assert.ok(pod)
  const { name } = pod.metadata
  const answer = await client.podRequest({ namespace: 'shop', pod: name, port: 8080, path: '/' })
  assert.equal(((await answer.json()) as Answer).pod, name)
  assert.equal(await client.podLog({ namespace: 'shop', name }), 'listening\n')
  assert.deepEqual(notices, [])
})

test('an aborted signal stops the cluster', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mb-embedded-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const controller = new AbortController()
  const cluster = await startEmbeddedCluster({ directory, signal: controller.signal })
  controller.abort()
  await cluster.stop()
  await assert.rejects(startEmbeddedCluster({ directory, signal: controller.signal }), {
    name: 'AbortError',
  })
})

test('a directory that cannot be made is an error with a hint', async () => {
  await assert.rejects(startEmbeddedCluster({ directory: '/dev/null/cluster' }), {
    code: 'CLUSTER_DIRECTORY',
    hint: 'Choose a directory that can be written to.',
  })
})
