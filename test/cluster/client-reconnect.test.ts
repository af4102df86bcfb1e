import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createStore, type MemoryStore } from '../../cluster/api/memory-store.ts'
import { type ApiServer, startApiServer } from '../../cluster/api/server.ts'
import { type Authority, createAuthority } from '../../cluster/ca/authority.ts'
import { connectCluster } from '../../cluster/client/connect.ts'
import { writeKubeconfig } from '../../cluster/client/kubeconfig.ts'
import { configMap } from './api-fixture.ts'

const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap' }
const inDefault = (name: string) => ({ ...CONFIG_MAP, namespace: 'default', name })
let ca: Authority
let directory: string

before(async () => {
  ca = await createAuthority({ trustDomain: 'api.test' })
  directory = await mkdtemp(join(tmpdir(), 'meshbench-client-'))
})
after(() => rm(directory, { recursive: true }))

/** A watch that is cut off while `meanwhile` happens; gives the events seen up to `last`. */
async function interrupted(meanwhile: (store: MemoryStore) => void, last: string) {
  const store = createStore({ historyLength: 5 })
  store.create(configMap('kept'))
  store.create(configMap('dropped'))
  let server: ApiServer = await startApiServer({ store, ca })
  const kubeconfigPath = join(directory, 'kubeconfig')
  const { url, caPem, token, port } = server
  await writeKubeconfig(kubeconfigPath, { server: url, caPem, token })
  const client = await connectCluster({ kubeconfigPath })
  const done = new AbortController()
  const seen: string[] = []
  let synced = 0
  await new Promise<void>((resolve, reject) => {
    const onEvent = ({
      type,
      object,
    }: {
      type: string
      object: { metadata: { name: string } }
    }) => {
      seen.push(`${type} ${object.metadata.name}`)
      if (seen.at(-1) === last) done.abort()
    }
    const onSynced = async (): Promise<void> => {
      synced += 1
      if (synced > 1) return
      await server.close()
      meanwhile(store)
      server = await startApiServer({ store, ca, token, port })
    }
    client
      .watch(CONFIG_MAP, {}, onEvent, done.signal, {
        onSynced: () => void onSynced().catch(reject),
      })
      .then(resolve, reject)
  })
  await server.close()
  return { seen, synced }
}

test('a watch that lost its connection goes on where it was', async () => {
  const { seen, synced } = await interrupted((store) => {
    store.update(configMap('kept', { n: '1' }))
    store.delete(inDefault('dropped'))
  }, 'DELETED dropped')
  assert.deepEqual(seen, ['ADDED dropped', 'ADDED kept', 'MODIFIED kept', 'DELETED dropped'])
  assert.equal(synced, 1)
})

test('a watch that lost too much lists again and tells the differences', async () => {
  const { seen, synced } = await interrupted((store) => {
    store.delete(inDefault('dropped'))
    for (let n = 0; n < 20; n += 1) store.update(configMap('kept', { n: String(n) }))
    store.create(configMap('late'))
  }, 'ADDED late')
  assert.deepEqual(seen, [
    'ADDED dropped',
    'ADDED kept',
    'DELETED dropped',
    'MODIFIED kept',
    'ADDED late',
  ])
  assert.equal(synced, 2)
})
