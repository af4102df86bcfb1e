import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStore } from '../../cluster/api/memory-store.ts'
import { admission } from '../../cluster/controllers/admission.ts'
import { sidecarImage, wantsSidecar } from '../../cluster/controllers/injection.ts'
import { kinds, type Pod, type Service } from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'

type Labels = Record<string, string>

const tunnel = 'networking.istio.io/tunnel'

function pod(labels: Labels = {}, annotations: Labels = {}): Pod {
  return {
    ...kinds.pod,
    metadata: { name: 'p', namespace: 'shop', generateName: 'p-', labels, annotations },
    spec: { containers: [{ name: 'app', image: 'x' }] },
  }
}

const cases: readonly [string, Labels, Labels, boolean][] = [
  ['nothing asks for it', {}, {}, false],
  ['the namespace enables injection', { 'istio-injection': 'enabled' }, {}, true],
  [
    'the pod opts out',
    { 'istio-injection': 'enabled' },
    { 'sidecar.istio.io/inject': 'false' },
    false,
  ],
  ['the pod opts in alone', {}, { 'sidecar.istio.io/inject': 'true' }, true],
  [
    'disabled beats the pod and a revision',
    { 'istio-injection': 'disabled', 'istio.io/rev': 'canary' },
    { 'sidecar.istio.io/inject': 'true' },
    false,
  ],
  ['a revision label on the namespace switches it on', { 'istio.io/rev': 'canary' }, {}, true],
  [
    'dataplane mode does not keep injection away',
    { 'istio-injection': 'enabled', 'istio.io/dataplane-mode': 'ambient' },
    {},
    true,
  ],
]

for (const [situation, namespace, labels, expected] of cases) {
  test(`injection: ${situation}`, () => {
    assert.equal(wantsSidecar(pod(labels), namespace), expected)
  })
}

test('an injected pod carries what the rest of the mesh goes by', () => {
  const store = createStore({ admit: [admission({ next: () => '127.1.192.1' })] })
  store.create({
    ...kinds.namespace,
    metadata: { name: 'shop', labels: { 'istio-injection': 'enabled' } },
  })
  const { metadata, spec } = store.create(pod({ app: 'cart', version: 'v2' }))
  assert.equal(metadata.labels?.['security.istio.io/tlsMode'], 'istio')
  assert.equal(metadata.labels?.['service.istio.io/canonical-name'], 'cart')
  assert.equal(metadata.labels?.['service.istio.io/canonical-revision'], 'v2')
  assert.deepEqual(JSON.parse(metadata.annotations?.['sidecar.istio.io/status'] ?? ''), {
    initContainers: ['istio-proxy'],
    containers: null,
    volumes: null,
    imagePullSecrets: null,
    revision: 'default',
  })
  assert.deepEqual(
    spec.initContainers?.map(({ name, image, restartPolicy }) => [name, image, restartPolicy]),
    [['istio-proxy', sidecarImage, 'Always']],
  )
})

const proxyConfig = (value: string): string =>
  `defaultConfig:\n  proxyMetadata:\n    ISTIO_META_ENABLE_HBONE: ${value}\n`
const annotated = (value: string): Labels => ({
  'proxy.istio.io/config': `proxyMetadata: { ISTIO_META_ENABLE_HBONE: ${value} }`,
})
const tunnels: readonly [string, string | undefined, Labels, Labels, string | undefined][] = [
  ['the mesh says so', proxyConfig('"true"'), {}, {}, 'http'],
  ['the mesh says no', proxyConfig('"false"'), {}, {}, undefined],
  ['the mesh says nothing', 'trustDomain: cluster.local', {}, {}, undefined],
  ['there is no mesh configuration', undefined, {}, {}, undefined],
  ['the mesh configuration cannot be read', 'a: [', {}, {}, undefined],
  ['the pod says so', undefined, annotated('"true"'), {}, 'http'],
  ['the pod says no', proxyConfig('"true"'), annotated('"false"'), {}, undefined],
  [
    'the pod says something else',
    proxyConfig('"true"'),
    { 'proxy.istio.io/config': 'concurrency: 4' },
    {},
    'http',
  ],
  ['the pod has a label of its own', proxyConfig('"true"'), {}, { [tunnel]: 'none' }, 'none'],
]

for (const [situation, mesh, annotations, labels, expected] of tunnels) {
  test(`the label for HBONE: ${situation}`, () => {
    const store = createStore({ admit: [admission({ next: () => '' })] })
    for (const name of ['istio-system', 'shop']) {
      store.create({ ...kinds.namespace, metadata: { name } })
    }
    if (mesh !== undefined) {
      const metadata = { name: 'istio', namespace: 'istio-system' }
      store.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { mesh } } as KubeObject)
    }
    const { metadata } = store.create(
      pod({ 'sidecar.istio.io/inject': 'true', ...labels }, annotations),
    )
    assert.equal(metadata.labels?.[tunnel], expected)
  })
}

test('a service gets an address of its own unless it is headless', () => {
  const addresses = ['127.1.192.1', '127.1.192.2']
  const next = (): string => addresses.shift() ?? ''
  const store = createStore({ admit: [admission({ next })] })
  const create = (name: string, spec: Service['spec']): Service =>
    store.create<Service>({ ...kinds.service, metadata: { name, namespace: 'default' }, spec })
  assert.equal(create('a', { ports: [{ port: 80 }] }).spec.clusterIP, '127.1.192.1')
  assert.equal(create('b', { clusterIP: 'None', ports: [{ port: 80 }] }).spec.clusterIP, 'None')
  assert.equal(create('c', { ports: [{ port: 80 }] }).spec.clusterIP, '127.1.192.2')
})

test('the node selector of a namespace applies to its pods', () => {
  const store = createStore({ admit: [admission({ next: () => '' })] })
  const annotations = { 'scheduler.alpha.kubernetes.io/node-selector': 'mode=ambient,disk=fast' }
  store.create({ ...kinds.namespace, metadata: { name: 'shop', annotations } })
  assert.deepEqual(store.create(pod()).spec.nodeSelector, { mode: 'ambient', disk: 'fast' })
})
