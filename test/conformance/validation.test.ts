import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { configMap, deployment, fields, PATCH, pod, type Server, startServer } from './server.ts'

let server: Server
const deployments = () => server.path('apps/v1/deployments')

before(async () => {
  server = await startServer()
})
after(() => server.stop())

/** Refused as invalid, with these fields at fault. */
async function refuses(
  resource: string,
  body: object,
  expected: readonly string[],
  reason: string,
) {
  const { status, json } = await server.call('POST', server.path(resource), { body })
  assert.deepEqual([status, json.kind, json.reason], [422, 'Status', 'Invalid'], json.message)
  assert.deepEqual(fields(json), expected)
  assert.equal(json.details.causes[0].reason, reason)
}

test('names, labels and annotations follow the rules of Kubernetes', async () => {
  const bad = 'FieldValueInvalid'
  await refuses('configmaps', configMap('Upper_Case'), ['metadata.name'], bad)
  const labels = { 'bad key': 'v', ok: 'bad value', long: 'x'.repeat(64) }
  const path = 'metadata.labels'
  await refuses('configmaps', configMap('a', {}, { labels }), [path, path, path], bad)
  const annotations = { 'bad key': 'v' }
  await refuses('configmaps', configMap('a', {}, { annotations }), ['metadata.annotations'], bad)
  await refuses('services', service('a.b', [{ port: 80 }]), ['metadata.name'], bad)
  const nameless = { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} }
  await refuses('configmaps', nameless, ['metadata.name'], 'FieldValueRequired')
  const message = (await server.call('POST', server.path('configmaps'), { body: configMap('A') }))
    .json.message
  assert.match(
    message,
    /^ConfigMap "A" is invalid: metadata\.name: Invalid value: "A": a lowercase/,
  )
})

test('keys of a ConfigMap are file names', async () => {
  await refuses('configmaps', configMap('a', { 'a b': '1' }), ['data[a b]'], 'FieldValueInvalid')
})

test('what is sealed keeps its data until it is deleted', async () => {
  for (const [resource, kind] of [
    ['configmaps', 'ConfigMap'],
    ['secrets', 'Secret'],
  ] as const) {
    const body = { apiVersion: 'v1', kind, metadata: { name: 'sealed' }, data: { a: 'MQ==' } }
    const path = server.path(resource, 'sealed')
    await server.call('POST', server.path(resource), { body: { ...body, immutable: true } })
    const patch = (change: object) =>
      server.call('PATCH', path, { body: change, type: PATCH.merge })
    const { status, json } = await patch({ data: { a: 'Mg==' }, immutable: null })
    assert.deepEqual([status, fields(json).toSorted()], [422, ['data', 'immutable']])
    assert.equal(json.details.causes[0].reason, 'FieldValueForbidden')
    assert.equal((await patch({ metadata: { labels: { still: 'free' } } })).status, 200)
    assert.equal((await server.call('DELETE', path)).status, 200)
  }
})

test('a pod needs containers, and they need names and images', async () => {
  const empty = { ...pod('a'), spec: { containers: [] } }
  await refuses('pods', empty, ['spec.containers'], 'FieldValueRequired')
  const nameless = { ...pod('a'), spec: { containers: [{ image: 'x' }] } }
  await refuses('pods', nameless, ['spec.containers[0].name'], 'FieldValueRequired')
  const imageless = { ...pod('a'), spec: { containers: [{ name: 'x' }] } }
  await refuses('pods', imageless, ['spec.containers[0].image'], 'FieldValueRequired')
  const twice = [
    { name: 'x', image: 'x' },
    { name: 'x', image: 'x' },
  ]
  const doubled = { ...pod('a'), spec: { containers: twice } }
  await refuses('pods', doubled, ['spec.containers[1].name'], 'FieldValueDuplicate')
})

test('a service needs ports within range and with names of their own', async () => {
  await refuses('services', service('a', []), ['spec.ports'], 'FieldValueRequired')
  const high = service('a', [{ port: 70_000, targetPort: 80 }])
  await refuses('services', high, ['spec.ports[0].port'], 'FieldValueInvalid')
  const unnamed = service('a', [{ port: 80, name: 'a' }, { port: 81 }])
  await refuses('services', unnamed, ['spec.ports[1].name'], 'FieldValueRequired')
})

test('a deployment selects the pods that it makes', async () => {
  const selector = { matchLabels: { app: 'other' } }
  const field = 'spec.template.metadata.labels'
  await refuses('apps/v1/deployments', deployment('a', { selector }), [field], 'FieldValueInvalid')
  const negative = deployment('a', { replicas: -1 })
  await refuses('apps/v1/deployments', negative, ['spec.replicas'], 'FieldValueInvalid')
})

test('a selector stays as it was made', async () => {
  await server.call('POST', deployments(), { body: deployment('fixed') })
  const labels = { app: 'changed' }
  const spec = { selector: { matchLabels: labels }, template: { metadata: { labels } } }
  const { status, json } = await server.call('PATCH', `${deployments()}/fixed`, {
    body: { spec },
    type: PATCH.merge,
  })
  assert.deepEqual([status, fields(json)], [422, ['spec.selector']])
  assert.match(json.message, /field is immutable/)
})

test('a pod keeps its specification, except for images', async () => {
  await server.call('POST', server.path('pods'), { body: pod('fixed') })
  const patch = (spec: object) =>
    server.call('PATCH', server.path('pods', 'fixed'), { body: { spec }, type: PATCH.strategic })
  const image = await patch({ containers: [{ name: 'app', image: 'registry.k8s.io/pause:3.10' }] })
  assert.equal(image.status, 200, image.text)
  const env = await patch({ containers: [{ name: 'app', env: [{ name: 'A', value: '1' }] }] })
  assert.deepEqual([env.status, fields(env.json)], [422, ['spec']])
  assert.equal(env.json.details.causes[0].reason, 'FieldValueForbidden')
  const bound = await patch({ nodeName: 'mine' })
  assert.deepEqual([bound.status, fields(bound.json)], [422, ['spec']])
})

test('what is left out is filled in', async () => {
  const containers = [
    { name: 'app', image: 'app', resources: { limits: { cpu: '1' } } },
    { name: 'side', image: 'side:1' },
  ]
  const made = await server.call('POST', server.path('pods'), {
    body: { ...pod('filled'), spec: { ...Object(pod('filled')).spec, containers } },
  })
  const { spec, status } = made.json
  assert.deepEqual(spec.containers[0].resources.requests, { cpu: '1' })
  assert.deepEqual(
    spec.containers.map((it: { imagePullPolicy: string }) => it.imagePullPolicy),
    ['Always', 'IfNotPresent'],
  )
  assert.deepEqual(
    [spec.serviceAccountName, spec.serviceAccount, spec.enableServiceLinks, status.qosClass],
    ['default', 'default', true, 'Burstable'],
  )
  const netpol = { metadata: { name: 'filled' }, spec: { podSelector: {}, egress: [{}] } }
  const policies = server.path('networking.k8s.io/v1/networkpolicies')
  const policy = await server.call('POST', policies, { body: netpol })
  assert.deepEqual(policy.json.spec.policyTypes, ['Ingress', 'Egress'])
  const job = { restartPolicy: 'Never', containers: [{ name: 'app', image: 'app:1' }] }
  const once = await server.call('POST', server.path('batch/v1/jobs'), {
    body: { metadata: { name: 'filled' }, spec: { suspend: true, template: { spec: job } } },
  })
  assert.equal(once.json.metadata.labels['job-name'], 'filled')
  assert.deepEqual([once.json.spec.completions, once.json.spec.backoffLimit], [1, 6])
})

test('a service keeps its address', async () => {
  await server.call('POST', server.path('services'), { body: service('kept', [{ port: 80 }]) })
  const path = server.path('services', 'kept')
  const body = { spec: { clusterIP: '10.0.0.250', clusterIPs: ['10.0.0.250'] } }
  const moved = await server.call('PATCH', path, { body, type: PATCH.merge })
  assert.deepEqual([moved.status, fields(moved.json)], [422, ['spec.clusterIPs[0]']])
})

test('values of the wrong type are a bad request', async () => {
  const wrong: [string, object][] = [
    ['configmaps', { ...configMap('a'), data: { n: 1 } }],
    ['apps/v1/deployments', deployment('a', { replicas: 'many' })],
    ['services', { ...service('a', []), spec: { ports: { port: 80 } } }],
    ['pods', { ...pod('a'), spec: { containers: [{ name: 'x', image: 'x', stdin: 'yes' }] } }],
  ]
  for (const [resource, body] of wrong) {
    const { status, json } = await server.call('POST', server.path(resource), { body })
    assert.deepEqual([status, json.reason], [400, 'BadRequest'], json.message)
  }
})

test('fields that no kind has are refused, warned of or ignored, as the client wants it', async () => {
  const body = { ...deployment('strict'), spec: { ...Object(deployment('strict')).spec, nope: 1 } }
  const create = (mode: string) =>
    server.call('POST', `${deployments()}?dryRun=All&fieldValidation=${mode}`, { body })
  const strict = await create('Strict')
  assert.deepEqual([strict.status, strict.json.reason], [400, 'BadRequest'])
  assert.match(strict.json.message, /strict decoding error: unknown field "spec\.nope"/)
  const warned = await create('Warn')
  assert.equal(warned.status, 201)
  assert.match(String(warned.headers.warning), /^299 - "unknown field \\"spec\.nope\\""/)
  assert.equal(warned.json.spec.nope, undefined)
  const ignored = await create('Ignore')
  assert.deepEqual([ignored.status, ignored.headers.warning], [201, undefined])
  assert.equal(ignored.json.spec.nope, undefined)
  const patch = { body: { spec: { nope: 1 } }, type: PATCH.merge }
  await server.call('POST', deployments(), { body: deployment('patched') })
  const path = `${deployments()}/patched?fieldValidation=Strict`
  assert.equal((await server.call('PATCH', path, patch)).status, 422)
})

function service(name: string, ports: object[]): object {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports } }
}
