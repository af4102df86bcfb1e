import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connectCluster } from '../../cluster/client/connect.ts'
import { startEmbeddedCluster } from '../../cluster/embedded/index.ts'
import { generatorImage, generatorImages } from '../../harness/deploy/generator-image.ts'
import { findWorkload } from '../../harness/deploy/workload.ts'
import { startPlayground } from '../../harness/playground/start.ts'
import { runCli } from '../support/run-cli.ts'

const folder = mkdtempSync(join(tmpdir(), 'meshbench-estimate-'))
const stopping = new AbortController()
let cluster: Awaited<ReturnType<typeof startEmbeddedCluster>>

before(async () => {
  cluster = await startEmbeddedCluster({ directory: folder, images: generatorImages })
  const client = await connectCluster({ kubeconfigPath: cluster.kubeconfigPath })
  await startPlayground(client, {
    workload: findWorkload('echo'),
    mode: 'sidecar',
    ratePerSecond: 40,
    replicas: 2,
    generatorImage,
    onProgress: () => undefined,
    signal: stopping.signal,
  })
})
after(async () => {
  stopping.abort()
  await cluster.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Estimated {
  readonly cluster: { readonly pods: number; readonly nodes: number; readonly rps: number }
  readonly counted: {
    readonly sidecars: number
    readonly ambient: number
    readonly notes: readonly string[]
  }
}

async function estimated(...more: string[]): Promise<Estimated> {
  const { code, stdout, stderr } = await runCli([
    ...['estimate', '--kubeconfig', cluster.kubeconfigPath, '--window', '2s', '--json'],
    ...more,
  ])
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as Estimated
}

test('pods, nodes and sidecars are counted in a live cluster, requests by what sidecars counted', async () => {
  // The load begins as soon as it can; the second look at the latest sees all of it.
  let found = await estimated()
  for (let again = 0; again < 5 && found.cluster.rps < 20; again++) found = await estimated()
  assert.deepEqual([found.cluster.pods, found.cluster.nodes], [3, 2])
  assert.deepEqual([found.counted.sidecars, found.counted.ambient], [3, 0])
  assert.ok(found.cluster.rps > 20 && found.cluster.rps < 80, `${found.cluster.rps} requests/s`)
  assert.match(found.counted.notes[1] ?? '', /requests\/s by istio_requests_total of 3 proxies/)
})

test('what is typed stands above what is counted', async () => {
  const { cluster: shape, counted } = await estimated('--rps', '5000', '--pods', '200')
  assert.deepEqual(shape, { ...shape, pods: 200, nodes: 2, rps: 5000 })
  assert.equal(counted.notes.length, 1)
})

test('sidecars that may not be read are said, and what was assumed instead', async () => {
  const client = await connectCluster({ kubeconfigPath: cluster.kubeconfigPath })
  const { measureTraffic } = await import('../../cli/estimate/traffic.ts')
  const forbidden = {
    ...client,
    podRequest: async () => new Response('forbidden', { status: 403 }),
  }
  const pods = [{ namespace: 'echo', name: 'echo-1', kind: 'sidecar' as const }]
  const found = await measureTraffic(forbidden, pods, 1_000, stopping.signal)
  assert.equal(found, undefined)
})

test('a context that is not in the kubeconfig is named with those that are', async () => {
  const file = join(folder, 'empty.yaml')
  writeFileSync(file, 'apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n')
  const { code, stderr } = await runCli(['estimate', '--kubeconfig', file, '--context', 'staging'])
  assert.equal(code, 2, stderr)
  assert.match(stderr, /staging/)
})
