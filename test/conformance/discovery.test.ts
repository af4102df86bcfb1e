import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  AppsV1Api,
  AuthorizationV1Api,
  CoreV1Api,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
} from '@kubernetes/client-node'
import { deployment, type Server, startServer } from './server.ts'

let server: Server

before(async () => {
  server = await startServer()
})
after(() => server.stop())

test('discovery tells groups, kinds, short names and verbs', async () => {
  const core = await server.call('GET', '/api')
  assert.deepEqual(core.json.versions, ['v1'])
  const groups = await server.call('GET', '/apis')
  const apps = groups.json.groups.find(({ name }: { name: string }) => name === 'apps')
  assert.equal(apps.preferredVersion.groupVersion, 'apps/v1')
  const { json } = await server.call('GET', '/apis/apps/v1')
  const row = (name: string) => json.resources.find((it: { name: string }) => it.name === name)
  assert.deepEqual(
    [row('deployments').kind, row('deployments').shortNames, row('deployments').categories],
    ['Deployment', ['deploy'], ['all']],
  )
  const titles = json.resources.map(({ name }: { name: string }) => name)
  const whole = titles.filter((name: string) => !name.includes('/'))
  assert.deepEqual(whole, whole.toSorted())
  for (const verb of ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'watch']) {
    assert.ok(row('deployments').verbs.includes(verb), verb)
  }
  assert.deepEqual(
    [row('deployments/scale').kind, row('deployments/scale').group],
    ['Scale', 'autoscaling'],
  )
})

test('the kinds of a mesh and its workloads are there', async () => {
  for (const [groupVersion, ...kinds] of [
    ['apps/v1', 'Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet'],
    ['batch/v1', 'Job'],
    ['policy/v1', 'PodDisruptionBudget'],
    ['coordination.k8s.io/v1', 'Lease'],
    ['discovery.k8s.io/v1', 'EndpointSlice'],
    ['networking.k8s.io/v1', 'NetworkPolicy'],
    [
      'admissionregistration.k8s.io/v1',
      'MutatingWebhookConfiguration',
      'ValidatingWebhookConfiguration',
    ],
    ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
  ] as const) {
    const { json } = await server.call('GET', `/apis/${groupVersion}`)
    const found = json.resources.map(({ kind }: { kind: string }) => kind)
    for (const kind of kinds) assert.ok(found.includes(kind), `${groupVersion} ${kind}`)
  }
})

test('discovery of everything at once says the same as group by group', async () => {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
  const all = await server.call('GET', '/apis', { accept: `${accept},application/json` })
  assert.equal(all.json.kind, 'APIGroupDiscoveryList')
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON came back
  const find = (list: any[], matches: (it: any) => boolean) => list.find(matches)
  const apps = find(all.json.items, ({ metadata }) => metadata.name === 'apps')
  const v1 = find(apps.versions, ({ version }) => version === 'v1')
  const row = find(v1.resources, ({ resource }) => resource === 'deployments')
  assert.deepEqual(
    [row.responseKind.kind, row.scope, row.singularResource, row.shortNames],
    ['Deployment', 'Namespaced', 'deployment', ['deploy']],
  )
  const scale = find(row.subresources, ({ subresource }) => subresource === 'scale')
  assert.deepEqual(scale.responseKind, { group: 'autoscaling', version: 'v1', kind: 'Scale' })
  const core = await server.call('GET', '/api', { accept })
  assert.equal(core.json.items[0].versions[0].version, 'v1')
})

test('OpenAPI describes what can be sent', async () => {
  // As text: the index is served as text/plain.
  const index = JSON.parse((await server.call('GET', '/openapi/v3')).text)
  const url = index.paths['apis/apps/v1'].serverRelativeURL
  const { status, json } = await server.call('GET', url)
  assert.equal(status, 200)
  const schemas = Object.entries<Record<string, unknown>>(json.components.schemas)
  const [, schema] = schemas.find(([name]) => name.endsWith('apps.v1.DeploymentSpec')) ?? []
  const properties = Object(schema?.properties)
  assert.equal(properties.replicas.type, 'integer')
  assert.ok(properties.template)
})

test('whoever may do everything is told so', async () => {
  const authorization = server.config.makeApiClient(AuthorizationV1Api)
  const resourceAttributes = { verb: 'patch', resource: 'pods', namespace: server.namespace }
  const review = await authorization.createSelfSubjectAccessReview({
    body: { spec: { resourceAttributes } },
  })
  assert.equal(review.status?.allowed, true)
})

test('the official client creates, lists in pages, watches and deletes', async () => {
  const core = server.config.makeApiClient(CoreV1Api)
  const { namespace } = server
  const path = `/api/v1/namespaces/${namespace}/secrets`
  const informer = makeInformer(server.config, path, () => core.listNamespacedSecret({ namespace }))
  const added = new Promise<string>((resolve) => {
    informer.on('add', ({ metadata }) => {
      if (metadata?.name === 'c') resolve('c')
    })
  })
  await informer.start()
  for (const name of ['a', 'b', 'c']) {
    await core.createNamespacedSecret({ namespace, body: { metadata: { name, labels: { name } } } })
  }
  assert.equal(await added, 'c')
  await informer.stop()
  const labelSelector = 'name in (a, b, c)'
  const first = await core.listNamespacedSecret({ namespace, labelSelector, limit: 2 })
  const _continue = first.metadata?._continue ?? ''
  const rest = await core.listNamespacedSecret({ namespace, labelSelector, limit: 2, _continue })
  assert.deepEqual(
    [...first.items, ...rest.items].map(({ metadata }) => metadata?.name),
    ['a', 'b', 'c'],
  )
  assert.ok(first.items[0]?.metadata?.creationTimestamp instanceof Date)
  await core.deleteNamespacedSecret({ namespace, name: 'a' })
  await assert.rejects(core.readNamespacedSecret({ namespace, name: 'a' }), { code: 404 })
})

test('the generic client applies and reads any kind', async () => {
  const generic = KubernetesObjectApi.makeApiClient(server.config)
  const spec = { apiVersion: 'apps/v1', kind: 'Deployment', ...deployment('generic') }
  const body = { ...spec, metadata: { name: 'generic', namespace: server.namespace } }
  const strategy = PatchStrategy.ServerSideApply
  const made = await generic.patch(body, undefined, undefined, 'tool', true, strategy)
  assert.equal(made.kind, 'Deployment')
  const apps = server.config.makeApiClient(AppsV1Api)
  const read = await apps.readNamespacedDeployment({
    namespace: server.namespace,
    name: 'generic',
  })
  assert.equal(read.metadata?.managedFields?.[0]?.manager, 'tool')
})
