import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { kubectlCluster } from '../support/kubectl.ts'

const { skip, directory, kubectl, tryKubectl } = kubectlCluster()

const containers = [{ name: 'app', image: 'meshbench/service' }]
const template = {
  metadata: { labels: { app: 'each' } },
  spec: { containers, nodeSelector: { none: 'such' } },
}
const selector = { matchLabels: { app: 'each' } }
const targetRef = { group: '', kind: 'Service', name: 'each' }
const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }
const webhooks = [
  {
    name: 'each.example.com',
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    clientConfig: { service: { name: 'each', namespace: 'kinds' } },
    rules: [rule],
  },
]

/** Every kind that is served for people, by the resource they type, with what makes one of it. */
const kinds: readonly (readonly [string, string, string, object?])[] = [
  ['nodes', 'v1', 'Node', { spec: {} }],
  ['pods', 'v1', 'Pod', { spec: template.spec }],
  ['services', 'v1', 'Service', { spec: { ports: [{ port: 80 }], selector: { app: 'each' } } }],
  ['serviceaccounts', 'v1', 'ServiceAccount'],
  ['configmaps', 'v1', 'ConfigMap', { data: { a: 'b' } }],
  ['secrets', 'v1', 'Secret', { stringData: { a: 'b' } }],
  [
    'events',
    'v1',
    'Event',
    { involvedObject: { kind: 'Pod', name: 'each', namespace: 'kinds' }, reason: 'Tested' },
  ],
  ['deployments', 'apps/v1', 'Deployment', { spec: { selector, template, replicas: 0 } }],
  ['replicasets', 'apps/v1', 'ReplicaSet', { spec: { selector, template, replicas: 0 } }],
  [
    'statefulsets',
    'apps/v1',
    'StatefulSet',
    { spec: { selector, template, replicas: 0, serviceName: 'each' } },
  ],
  ['daemonsets', 'apps/v1', 'DaemonSet', { spec: { selector, template } }],
  [
    'jobs',
    'batch/v1',
    'Job',
    { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } },
  ],
  [
    'poddisruptionbudgets',
    'policy/v1',
    'PodDisruptionBudget',
    { spec: { selector, minAvailable: 1 } },
  ],
  ['leases', 'coordination.k8s.io/v1', 'Lease', { spec: { holderIdentity: 'me' } }],
  [
    'endpointslices',
    'discovery.k8s.io/v1',
    'EndpointSlice',
    { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ports: [] },
  ],
  [
    'networkpolicies',
    'networking.k8s.io/v1',
    'NetworkPolicy',
    { spec: { podSelector: {}, ingress: [{}] } },
  ],
  [
    'mutatingwebhookconfigurations',
    'admissionregistration.k8s.io/v1',
    'MutatingWebhookConfiguration',
    { webhooks },
  ],
  [
    'validatingwebhookconfigurations',
    'admissionregistration.k8s.io/v1',
    'ValidatingWebhookConfiguration',
    { webhooks },
  ],
  [
    'gatewayclasses',
    'gateway.networking.k8s.io/v1',
    'GatewayClass',
    { spec: { controllerName: 'example.com/none' } },
  ],
  [
    'gateways.gateway.networking.k8s.io',
    'gateway.networking.k8s.io/v1',
    'Gateway',
    {
      spec: { gatewayClassName: 'none', listeners: [{ name: 'a', port: 80, protocol: 'HTTP' }] },
    },
  ],
  [
    'httproutes',
    'gateway.networking.k8s.io/v1',
    'HTTPRoute',
    { spec: { parentRefs: [targetRef], rules: [{ backendRefs: [{ name: 'each', port: 80 }] }] } },
  ],
  ['authorizationpolicies', 'security.istio.io/v1', 'AuthorizationPolicy', { spec: {} }],
  [
    'peerauthentications',
    'security.istio.io/v1',
    'PeerAuthentication',
    { spec: { mtls: { mode: 'STRICT' } } },
  ],
  ['requestauthentications', 'security.istio.io/v1', 'RequestAuthentication', { spec: {} }],
  ['virtualservices', 'networking.istio.io/v1', 'VirtualService', { spec: { hosts: ['each'] } }],
  ['destinationrules', 'networking.istio.io/v1', 'DestinationRule', { spec: { host: 'each' } }],
  ['gateways.networking.istio.io', 'networking.istio.io/v1', 'Gateway', { spec: {} }],
  ['serviceentries', 'networking.istio.io/v1', 'ServiceEntry', { spec: { hosts: ['a.test'] } }],
  ['sidecars', 'networking.istio.io/v1', 'Sidecar', { spec: {} }],
  ['workloadentries', 'networking.istio.io/v1', 'WorkloadEntry', { spec: { address: '1.2.3.4' } }],
  ['workloadgroups', 'networking.istio.io/v1', 'WorkloadGroup', { spec: { template: {} } }],
  ['envoyfilters', 'networking.istio.io/v1alpha3', 'EnvoyFilter', { spec: {} }],
  ['telemetries', 'telemetry.istio.io/v1', 'Telemetry', { spec: {} }],
  ['wasmplugins', 'extensions.istio.io/v1alpha1', 'WasmPlugin', { spec: {} }],
]

test('every kind is created, shown, described, labelled and deleted by kubectl', {
  skip,
}, async () => {
  await kubectl('create', 'namespace', 'kinds')
  const metadata = { name: 'each', namespace: 'kinds' }
  const items = kinds.map(([, apiVersion, kind, more]) => ({ apiVersion, kind, metadata, ...more }))
  const file = join(directory(), 'each.json')
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
  const on = (verb: string, ...args: string[]) => kubectl(verb, '-f', file, ...args)
  const names = async (...args: string[]) => (await on(...(args as [string]))).trim().split('\n')
  const expected = kinds.map(([resource, apiVersion, kind]) => {
    const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0]}` : ''
    assert.ok(resource.startsWith(kind.toLowerCase().slice(0, 4)))
    return `${kind.toLowerCase()}${group}/each`
  })

  assert.deepEqual(await names('create', '--dry-run=server', '-o', 'name'), expected)
  assert.match((await tryKubectl('get', '-f', file)).errors, /deployments\.apps "each" not found/)
  assert.deepEqual(await names('create', '-o', 'name'), expected)
  assert.deepEqual(await names('get', '-o', 'name'), expected)
  const read: { items: { apiVersion: string; kind: string }[] } = JSON.parse(
    await on('get', '-o', 'json'),
  )
  assert.deepEqual(
    read.items.map(({ apiVersion, kind }) => [apiVersion, kind]),
    kinds.map(([, apiVersion, kind]) => [apiVersion, kind]),
  )
  const tables = await on('get')
  const described = await on('describe')
  assert.equal(tables.match(/^NAME /gm)?.length, kinds.length - 1, 'events have no names to show')
  assert.match(tables, /\n\ds +Tested +pod\/each/)
  assert.equal(described.match(/^Name:\s+each$/gm)?.length, kinds.length)
  assert.equal((await names('label', 'seen=yes', '-o', 'name')).length, kinds.length)
  const labels = JSON.parse(await on('get', '-o', 'json')).items.map(
    (item: { metadata: { labels?: { seen?: string } } }) => item.metadata.labels?.seen,
  )
  assert.deepEqual(new Set(labels), new Set(['yes']))
  await on('delete', '--timeout=30s')
  assert.equal(await on('get', '--ignore-not-found'), '')
})

test('the definitions of the kinds that a mesh brings list them, and wait as established', {
  skip,
}, async () => {
  const custom = kinds.filter(([, apiVersion]) => /istio\.io|gateway/.test(apiVersion))
  const listed = (await kubectl('get', 'crd', '-o', 'name')).trim().split('\n')
  for (const [resource, apiVersion] of custom) {
    const plural = resource.split('.')[0]
    const name = `customresourcedefinition.apiextensions.k8s.io/${plural}.${apiVersion.split('/')[0]}`
    assert.ok(listed.includes(name), name)
  }
  await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=10s')
})

test('api-resources tells every kind with its short names, group and scope', { skip }, async () => {
  const rows = (await kubectl('api-resources', '--no-headers')).trim().split('\n')
  const told = new Map(rows.map((row) => [row.split(/\s+/)[0] ?? '', row.split(/\s+/).slice(1)]))
  for (const [resource, apiVersion, kind] of kinds) {
    const plural = resource.split('.')[0] ?? ''
    const found = rows.some((row) => {
      const [name, ...cells] = row.split(/\s+/)
      return name === plural && cells.includes(apiVersion) && cells.at(-1) === kind
    })
    assert.ok(found, `${plural} ${apiVersion} ${kind}`)
  }
  assert.deepEqual(told.get('namespaces'), ['ns', 'v1', 'false', 'Namespace'])
  assert.deepEqual(told.get('statefulsets'), ['sts', 'apps/v1', 'true', 'StatefulSet'])
  assert.deepEqual(told.get('horizontalpodautoscalers'), undefined)
})
