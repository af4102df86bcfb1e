import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { statusError } from '../../cluster/errors.ts'
import type { Namespace, Pod } from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { MigrationError } from '../../migration/errors.ts'
import { NotReadable } from '../../migration/inventory/snapshot.ts'
import { takeSnapshot } from '../../migration/inventory/take-snapshot.ts'
import { type ApiFixture, startApi } from './api-fixture.ts'

let api: ApiFixture
let client: ClusterClient

const METRICS = `# TYPE istio_requests_total counter
istio_requests_total{reporter="destination",source_workload="web",source_workload_namespace="front",source_principal="spiffe://cluster.local/ns/front/sa/web",destination_service="cart.shop.svc.cluster.local",destination_service_namespace="shop",destination_workload="cart",destination_workload_namespace="shop"} 12
istio_requests_total{reporter="destination",source_workload="unknown",source_workload_namespace="unknown",source_principal="unknown",destination_service="cart.shop.svc.cluster.local",destination_service_namespace="shop",destination_workload="cart",destination_workload_namespace="shop"} 3
istio_requests_total{reporter="destination",source_workload="old",source_workload_namespace="front",source_principal="unknown",destination_service="cart.shop.svc.cluster.local",destination_service_namespace="shop",destination_workload="cart",destination_workload_namespace="shop"} 0
istio_tcp_connections_opened_total{reporter="source",source_workload="cart",source_workload_namespace="shop",destination_service="db.data.svc.cluster.local",destination_service_namespace="data",destination_workload="db",destination_workload_namespace="data"} 2 1700000000000
istio_requests_total_other{reporter="destination"} 1
envoy_cluster_upstream_cx_total{cluster="x"} 9
`

function namespace(name: string, labels: Record<string, string> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }
}

function sidecarPod(namespace: string, app: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${app}-7d9f-x`,
      namespace,
      labels: { app, 'pod-template-hash': '7d9f' },
      annotations: {
        'sidecar.istio.io/status': '{}',
        'kubectl.kubernetes.io/last-applied-configuration': '{}',
        'example.com/note': 'long',
      },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `${app}-7d9f`,
          uid: app,
          controller: true,
        },
      ],
    },
    spec: {
      nodeName: 'node-1',
      containers: [
        { name: 'app', image: 'shop/app:1', env: [{ name: 'SECRET', value: 'x' }] },
        { name: 'istio-proxy', image: 'istio/proxyv2:1.30.3' },
      ],
    },
    status: { phase: 'Running', podIP: '10.0.0.1' },
  }
}

function bare({ metadata, ...rest }: KubeObject): KubeObject {
  const { ownerReferences: _, ...own } = metadata
  return { ...rest, metadata: { ...own, name: 'bare' } }
}

before(async () => {
  api = await startApi()
  const all = await api.client()
  client = {
    ...all,
    podRequest: async ({ pod }) =>
      pod.startsWith('cart')
        ? new Response(METRICS)
        : Promise.reject(statusError('ServiceUnavailable', 'no such proxy')),
  }
  for (const object of [
    namespace('shop', { 'istio-injection': 'enabled' }),
    namespace('front'),
    namespace('istio-system'),
    sidecarPod('shop', 'cart'),
    sidecarPod('front', 'web'),
    bare(sidecarPod('shop', 'bare')),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'istio', namespace: 'istio-system' },
      data: { mesh: 'trustDomain: td' },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'istio-ca-root-cert', namespace: 'istio-system' },
      data: { 'root-cert.pem': 'x' },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'boards', namespace: 'front', labels: { grafana_dashboard: '1' } },
      data: { 'a.json': '{"expr":"rate(istio_requests_total{reporter=\\"destination\\"}[1m])"}' },
    },
  ] as KubeObject[]) {
    await all.create(object)
  }
  for (const pod of ['shop/cart', 'front/web']) {
    const [namespace, app] = pod.split('/')
    api.store.mutateStatus(
      { apiVersion: 'v1', kind: 'Pod', namespace, name: `${app}-7d9f-x` },
      (one) => ({
        ...one,
        status: { phase: 'Running', podIP: '10.0.0.1' },
      }),
    )
  }
})
after(() => api.stop())

test('a snapshot holds targets whole, others in outline, and what the mesh is configured with', async () => {
  const progress: string[] = []
  const snapshot = await takeSnapshot(client, {
    namespaces: ['shop'],
    onProgress: ({ what }) => progress.push(what),
  })
  assert.equal(snapshot.source.from, 'cluster')
  const pods = snapshot.items<Pod>('pod')
  const cart = pods.find(({ metadata }) => metadata.name.startsWith('cart'))
  const web = pods.find(({ metadata }) => metadata.namespace === 'front')
  // What its containers do stands in the template; a pod that nobody owns has none.
  assert.equal(cart?.spec.containers[0]?.env, undefined)
  const bare = pods.find(({ metadata }) => metadata.name === 'bare')
  assert.deepEqual(Object.keys(bare?.metadata.annotations ?? {}), [
    'sidecar.istio.io/status',
    'example.com/note',
  ])
  assert.deepEqual(bare?.spec.containers[0]?.env, [{ name: 'SECRET', value: 'x' }])
  assert.deepEqual(web?.metadata.annotations, { 'sidecar.istio.io/status': '{}' })
  assert.deepEqual(web?.spec.containers[0], { name: 'app', image: 'shop/app:1' })
  assert.equal(web?.spec.nodeName, 'node-1')

  const [shop, front] = ['shop', 'front'].map((name) =>
    snapshot.items<Namespace>('namespace').find(({ metadata }) => metadata.name === name),
  )
  assert.ok(shop?.metadata.managedFields, 'MB021 needs who manages the labels')
  assert.equal(front?.metadata.managedFields, undefined)
  assert.deepEqual(
    snapshot.items('configMap').map(({ metadata }) => metadata.name),
    ['istio', 'boards'],
  )
  assert.deepEqual(snapshot.probes.dashboards()[0]?.data, {
    'a.json': 'istio_requests_total reporter="destination"',
  })
  assert.equal(snapshot.probes.configMap('kube-system', 'cilium-config'), undefined)
  assert.ok(progress.includes('Pods') && progress.at(-1) === 'callers')
})

test('kinds that nobody installed have no objects', async () => {
  const snapshot = await takeSnapshot(client, { namespaces: ['shop'] })
  for (const kind of ['ciliumClusterwideNetworkPolicy', 'autoscaler', 'wasmPlugin'] as const) {
    assert.deepEqual(snapshot.items(kind), [])
  }
})

test('callers come from the proxies of the namespace, with who they are and what they use', async () => {
  const { probes } = await takeSnapshot(client, { namespaces: ['shop', 'front'] })
  const called = { destinationService: 'cart.shop.svc.cluster.local', protocol: 'http' }
  assert.deepEqual(probes.callers('shop'), [
    {
      namespace: 'front',
      workload: 'web',
      principal: 'cluster.local/ns/front/sa/web',
      ...called,
      via: 'sidecar',
    },
    { namespace: 'unknown', workload: 'unknown', principal: 'unknown', ...called, via: 'unknown' },
  ])
  assert.deepEqual(probes.callees('shop'), [
    { service: 'db.data.svc.cluster.local', namespace: 'data', workload: 'db', protocol: 'tcp' },
  ])
  assert.equal(probes.callersBasis('shop'), 'metrics of 1 of 1 proxies of shop, since each started')
  assert.throws(
    () => probes.callers('front'),
    new NotReadable('proxy front/web-7d9f-x did not answer: no such proxy'),
  )
})

test('what is forbidden is not readable, and says which permission is missing', async () => {
  const forbidding: ClusterClient = {
    ...client,
    listEach: (kind, ...rest) =>
      kind.kind === 'Pod'
        ? Promise.reject(statusError('Unauthorized', 'never'))
        : client.listEach(kind, ...rest),
  }
  await assert.rejects(takeSnapshot(forbidding, { namespaces: ['shop'] }), /never/)

  const forbidden = Object.assign(statusError('BadRequest', 'no'), { status: 403 })
  const restricted: ClusterClient = {
    ...client,
    listEach: (kind, ...rest) =>
      kind.kind === 'Pod' || kind.kind === 'Secret'
        ? Promise.reject(forbidden)
        : client.listEach(kind, ...rest),
    podRequest: () => Promise.reject(forbidden),
  }
  const snapshot = await takeSnapshot(restricted, { namespaces: ['shop'] })
  assert.throws(
    () => snapshot.items('pod'),
    new NotReadable('no permission to list Pod objects of all namespaces'),
  )
  assert.throws(
    () => snapshot.items('secret'),
    new NotReadable('no permission to list Secrets in istio-system'),
  )
  assert.throws(() => snapshot.probes.callers('shop'), /no permission to list pods/)
  const noProxies = await takeSnapshot(
    { ...client, podRequest: () => Promise.reject(forbidden) },
    { namespaces: ['shop'] },
  )
  assert.throws(
    () => noProxies.probes.callers('shop'),
    new NotReadable('no permission to get pods/proxy in shop'),
  )
})

test('access is asked for once everywhere, and per namespace only what is denied there', async () => {
  const asked: string[] = []
  const asking: ClusterClient = {
    ...client,
    create: async <T extends KubeObject>(object: T): Promise<T> => {
      const { resourceAttributes: what } = object.spec as {
        resourceAttributes: { verb: string; resource: string; namespace?: string }
      }
      asked.push(`${what.verb} ${what.resource} ${what.namespace ?? '*'}`)
      const allowed = what.resource !== 'gateways' || what.namespace === 'shop'
      return { ...object, status: { allowed } }
    },
  }
  const { probes } = await takeSnapshot(asking, { namespaces: ['shop'] })
  const gateways = { verb: 'create', group: 'gateway.networking.k8s.io', resource: 'gateways' }
  assert.equal(probes.allowed({ ...gateways, namespace: 'shop' }), true)
  assert.equal(probes.allowed({ verb: 'list', group: '', resource: 'pods' }), true)
  assert.ok(asked.includes('create gateways *') && asked.includes('create gateways shop'))
  assert.ok(!asked.includes('patch services shop'))
  assert.throws(() => probes.allowed({ verb: 'fly', group: '', resource: 'pods' }), NotReadable)
})

test('an unknown namespace is refused with the name that was meant', async () => {
  await assert.rejects(takeSnapshot(client, { namespaces: ['shpo'] }), (error) => {
    assert.ok(error instanceof MigrationError)
    assert.deepEqual([error.exitCode, error.hint], [2, 'Did you mean shop?'])
    return true
  })
})
