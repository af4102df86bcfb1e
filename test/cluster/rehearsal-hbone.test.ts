import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connectCluster } from '../../cluster/client/connect.ts'
import { startEmbeddedCluster } from '../../cluster/embedded/index.ts'
import { kinds, type Pod } from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { generatorImage, generatorImages } from '../../harness/deploy/generator-image.ts'
import { findWorkload } from '../../harness/deploy/workload.ts'
import { deployRehearsal } from '../../harness/rehearsal/deploy.ts'
import { targetsOf } from '../../harness/rehearsal/targets.ts'

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>
}

test('a rehearsed namespace has sidecars from before the ambient profile, if the original has', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mb-rehearsal-'))
  const cluster = await startEmbeddedCluster({ directory, images: generatorImages })
  t.after(async () => {
    await cluster.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const client = await connectCluster({ kubeconfigPath: cluster.kubeconfigPath })
  const objects = findWorkload('echo').manifests({ namespace: 'shop' }) as readonly KubeObject[]
  const rehearsed = {
    namespace: 'shop',
    labels: { 'istio-injection': 'enabled' },
    objects,
    targets: targetsOf(objects),
    hbone: { running: false, injected: true },
  }
  const inside = { name: 'inside', namespace: 'shop', mesh: 'sidecar', moves: true } as const
  await deployRehearsal(client, rehearsed, [inside], { generatorImage })

  const pods = await client.list<Pod>(kinds.pod, { namespace: 'shop' })
  assert.ok(pods.length >= 2)
  for (const { metadata } of pods) {
    assert.equal(metadata.labels?.['security.istio.io/tlsMode'], 'istio')
    assert.equal(metadata.labels?.['networking.istio.io/tunnel'], undefined)
  }
  const place = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'istio-system', name: 'istio' }
  const map = await client.get<ConfigMap>(place)
  assert.match(map?.data?.mesh ?? '', /ISTIO_META_ENABLE_HBONE: "true"/)
})
