import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../../cluster/objects.ts'
import { sidecarHbone } from '../../../migration/inventory/sidecar-hbone.ts'
import { snapshotOf } from '../../support/snapshots.ts'

function mesh(enabled: string): KubeObject {
  const text = `defaultConfig: { proxyMetadata: { ISTIO_META_ENABLE_HBONE: ${enabled} } }`
  const metadata = { name: 'istio', namespace: 'istio-system' }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { mesh: text } } as KubeObject
}

function pod(name: string, labels: Record<string, string>): KubeObject {
  const annotations = { 'sidecar.istio.io/status': '{}' }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', labels, annotations },
  }
}

const takes = pod('new', { 'networking.istio.io/tunnel': 'http' })
const deaf = pod('old', {})

for (const [situation, objects, running, injected] of [
  ['nothing can be read', [], true, true],
  ['the profile is on, and all were injected since', [mesh('"true"'), takes], true, true],
  ['the profile is on, and one is from before', [mesh('"true"'), takes, deaf], false, true],
  ['the profile is off', [mesh('"false"'), deaf], false, false],
  ['the profile is off, and no pods are known', [mesh('"false"')], false, false],
] as const) {
  test(`sidecars and HBONE: ${situation}`, () => {
    assert.deepEqual(sidecarHbone(snapshotOf(objects), 'shop'), { running, injected })
  })
}
