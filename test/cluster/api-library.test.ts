import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  AppsV1Api,
  AuthorizationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node'
import { type ApiFixture, startApi } from './api-fixture.ts'

// What any tool built on the official library does has to work against the embedded cluster.
let api: ApiFixture
let config: KubeConfig

before(async () => {
  api = await startApi()
  config = new KubeConfig()
  config.loadFromFile(api.kubeconfigPath)
})
after(() => api.stop())

test('typed clients create, list in pages, patch and delete', async () => {
  const core = config.makeApiClient(CoreV1Api)
  const namespace = await core.createNamespace({ body: { metadata: { name: 'shop' } } })
  assert.ok(namespace.metadata?.creationTimestamp instanceof Date)
  for (const name of ['a', 'b', 'c']) {
    const spec = { containers: [{ name: 'app', image: 'service' }] }
    await core.createNamespacedPod({ namespace: 'shop', body: { metadata: { name }, spec } })
  }
  const first = await core.listNamespacedPod({ namespace: 'shop', limit: 2 })
  assert.equal(first.items.length, 2)
  const token = first.metadata?._continue
  const rest = await core.listNamespacedPod({
    namespace: 'shop',
    limit: 2,
    ...(token && { _continue: token }),
  })
  assert.deepEqual(
    rest.items.map(({ metadata }) => metadata?.name),
    ['c'],
  )
  const patched = await core.patchNamespace(
    { name: 'shop', body: { metadata: { labels: { 'istio-injection': 'enabled' } } } },
    setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
  )
  assert.equal(patched.metadata?.labels?.['istio-injection'], 'enabled')
  await core.deleteNamespacedPod({ name: 'a', namespace: 'shop' })
  await assert.rejects(core.readNamespacedPod({ name: 'a', namespace: 'shop' }), { code: 404 })
})

test('the generic client discovers kinds and applies', async () => {
  const generic = KubernetesObjectApi.makeApiClient(config)
  const gateway = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'waypoint', namespace: 'shop' },
    spec: { gatewayClassName: 'istio-waypoint' },
  }
  const made = await generic.patch(
    gateway,
    undefined,
    undefined,
    'tool',
    true,
    PatchStrategy.ServerSideApply,
  )
  assert.equal(made.kind, 'Gateway')
  const listed = await generic.list('gateway.networking.k8s.io/v1', 'Gateway', 'shop')
  assert.equal(listed.items.length, 1)
})

test('custom objects are listed by group and plural', async () => {
  const custom = config.makeApiClient(CustomObjectsApi)
  const answer = await custom.listNamespacedCustomObject({
    group: 'gateway.networking.k8s.io',
    version: 'v1',
    namespace: 'shop',
    plural: 'gateways',
  })
  assert.equal(answer.items.length, 1)
})

test('an informer hears of what is there and of what comes', async () => {
  const apps = config.makeApiClient(AppsV1Api)
  const path = '/apis/apps/v1/namespaces/shop/deployments'
  const informer = makeInformer(config, path, () =>
    apps.listNamespacedDeployment({ namespace: 'shop' }),
  )
  const added = new Promise((resolve) =>
    informer.on('add', ({ metadata }) => resolve(metadata?.name)),
  )
  await informer.start()
  const selector = { matchLabels: { app: 'web' } }
  const template = {
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'web', image: 'service' }] },
  }
  await apps.createNamespacedDeployment({
    namespace: 'shop',
    body: { metadata: { name: 'web' }, spec: { selector, template } },
  })
  assert.equal(await added, 'web')
  await informer.stop()
})

test('whoever asks for permission has it', async () => {
  const authorization = config.makeApiClient(AuthorizationV1Api)
  const review = await authorization.createSelfSubjectAccessReview({
    body: { spec: { resourceAttributes: { verb: 'patch', resource: 'namespaces' } } },
  })
  assert.equal(review.status?.allowed, true)
})
