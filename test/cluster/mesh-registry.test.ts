import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStore } from '../../cluster/api/memory-store.ts'
import { startEndpointsController } from '../../cluster/controllers/endpoints.ts'
import { createView } from '../../cluster/controllers/view.ts'
import { kinds, type Pod, type ReplicaSet } from '../../cluster/kinds.ts'
import { meshState } from '../../cluster/mesh/registry.ts'
import { protocolOf } from '../../cluster/mesh/services.ts'
import type { MeshState } from '../../proxies/config/mesh-state.ts'

type Labels = Record<string, string>

/** The registry over a namespace `shop` with one ready pod behind service `cart`. */
async function registry(
  t: { after(run: () => Promise<void>): void },
  options: {
    readonly namespace?: Labels
    readonly service?: Labels
    readonly pod?: Labels
    readonly annotations?: Labels
    readonly gatewayReady?: boolean
  } = {},
): Promise<{ state(): MeshState; store: ReturnType<typeof createStore> }> {
  const store = createStore()
  store.create({
    ...kinds.namespace,
    metadata: { name: 'shop', labels: options.namespace ?? {} },
  })
  store.create({
    ...kinds.service,
    metadata: { name: 'cart', namespace: 'shop', labels: options.service ?? {} },
    spec: {
      clusterIP: '127.1.192.1',
      selector: { app: 'cart' },
      ports: [
        { name: 'http', port: 80, targetPort: 'web' },
        { name: 'db', port: 5432, targetPort: 5433, appProtocol: 'tcp' },
      ],
    },
  })
  store.create({
    ...kinds.gateway,
    metadata: { name: 'waypoint', namespace: 'shop' },
    spec: { gatewayClassName: 'istio-waypoint' },
  })
  if (options.gatewayReady !== false) {
    store.mutateStatus({ ...kinds.gateway, name: 'waypoint', namespace: 'shop' }, (gateway) => ({
      ...gateway,
      status: { addresses: [{ type: 'IPAddress', value: '127.1.192.9' }] },
    }))
  }
  const set = store.create<ReplicaSet>({
    ...kinds.replicaSet,
    metadata: { name: 'cart-abcde', namespace: 'shop' },
    spec: {
      selector: { matchLabels: { app: 'cart' } },
      template: {
        metadata: { labels: { app: 'cart' } },
        spec: { containers: [{ name: 'app', image: 'x' }] },
      },
    },
  })
  const pod = store.create<Pod>({
    ...kinds.pod,
    metadata: {
      name: 'cart-abcde-x1',
      namespace: 'shop',
      labels: { app: 'cart', 'pod-template-hash': 'abcde', ...options.pod },
      annotations: options.annotations ?? {},
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: 'cart-abcde',
          uid: set.metadata.uid ?? '',
          controller: true,
        },
      ],
    },
    spec: {
      nodeName: 'one',
      serviceAccountName: 'shopper',
      containers: [{ name: 'app', image: 'x', ports: [{ name: 'web', containerPort: 8080 }] }],
    },
  })
  store.mutateStatus<Pod>(
    { ...kinds.pod, name: pod.metadata.name, namespace: 'shop' },
    (current) => ({
      ...current,
      status: {
        phase: 'Running',
        podIP: '127.1.1.1',
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    }),
  )
  const view = createView(store)
  const onError = (error: unknown): void => assert.fail(String(error))
  const endpoints = startEndpointsController({ store, view, onError })
  // The controller works in the next turn of the event loop.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  t.after(async () => {
    await endpoints.stop()
    view.stop()
  })
  return { state: () => meshState(view, 'cluster.local'), store }
}

test('a pod becomes a workload with its services, owner and identity', async (t) => {
  const { state } = await registry(t)
  assert.deepEqual(state().workloads, [
    {
      uid: 'Kubernetes//Pod/shop/cart-abcde-x1',
      name: 'cart-abcde-x1',
      namespace: 'shop',
      serviceAccount: 'shopper',
      trustDomain: 'cluster.local',
      workloadIps: ['127.1.1.1'],
      protocol: 'TCP',
      node: 'one',
      workloadName: 'cart',
      workloadType: 'deployment',
      canonicalName: 'cart',
      canonicalRevision: 'latest',
      clusterId: 'Kubernetes',
      status: 'Healthy',
      services: { 'shop/cart.shop.svc.cluster.local': { 80: 8080, 5432: 5433 } },
    },
  ])
})

test('a service says its addresses, ports and protocols', async (t) => {
  const { state } = await registry(t)
  assert.deepEqual(state().services, [
    {
      name: 'cart',
      namespace: 'shop',
      hostname: 'cart.shop.svc.cluster.local',
      vips: ['/127.1.192.1'],
      ports: { 80: 8080, 5432: 5433 },
      protocols: { 80: 'http' },
    },
  ])
})

test('HBONE is announced only once the ztunnel has the pod', async (t) => {
  const ambient = { 'istio.io/dataplane-mode': 'ambient' }
  const pending = { 'ambient.istio.io/redirection': 'pending' }
  const enabled = { 'ambient.istio.io/redirection': 'enabled' }
  const protocols = await Promise.all(
    [
      { namespace: ambient, annotations: pending },
      { namespace: ambient, annotations: enabled },
      { annotations: enabled },
      { namespace: ambient, annotations: { ...enabled, 'sidecar.istio.io/status': '{}' } },
    ].map(async (options) => (await registry(t, options)).state().workloads[0]?.protocol),
  )
  assert.deepEqual(protocols, ['TCP', 'HBONE', 'TCP', 'TCP'])
})

test('a sidecar that takes HBONE is announced with both, until a ztunnel ends its tunnels', async (t) => {
  const withoutTunnel: Labels = { 'security.istio.io/tlsMode': 'istio' }
  const labels: Labels = { ...withoutTunnel, 'networking.istio.io/tunnel': 'http' }
  const injected = { 'sidecar.istio.io/status': '{}' }
  const enabled = { 'ambient.istio.io/redirection': 'enabled' }
  const said = await Promise.all(
    [
      { pod: labels, annotations: injected },
      { pod: labels, annotations: { ...injected, 'meshbench.dev/sidecar': 'leaving' } },
      { pod: labels, annotations: { ...injected, ...enabled, 'meshbench.dev/sidecar': 'leaving' } },
      { pod: withoutTunnel, annotations: injected },
      { pod: { 'networking.istio.io/tunnel': 'http' } },
    ].map(async (options) => {
      const [workload] = (await registry(t, options)).state().workloads
      return [workload?.protocol, workload?.nativeTunnel, workload?.tlsMode]
    }),
  )
  assert.deepEqual(said, [
    ['HBONE', true, 'istio'],
    ['HBONE', true, 'istio'],
    ['HBONE', undefined, undefined],
    ['TCP', undefined, 'istio'],
    ['TCP', undefined, undefined],
  ])
})

test('a waypoint applies by the label of the service, else of the namespace, once it was ready', async (t) => {
  const named = { 'istio.io/use-waypoint': 'waypoint' }
  const waypoint = { destination: 'shop/waypoint.shop.svc.cluster.local', hboneMtlsPort: 15008 }
  const options = [
    { namespace: named },
    { service: named },
    { namespace: named, service: { 'istio.io/use-waypoint': 'none' } },
    { service: named, gatewayReady: false },
    { namespace: named, service: { 'istio.io/use-waypoint': 'missing' } },
  ]
  const found = await Promise.all(
    options.map(async (one) => (await registry(t, one)).state().services[0]?.waypoint),
  )
  assert.deepEqual(found, [waypoint, waypoint, undefined, undefined, undefined])
})

test('a workload waypoint is told with the pod, the class speaks for Gateways that are silent', async (t) => {
  const named = { 'istio.io/use-waypoint': 'waypoint' }
  const { state, store } = await registry(t, { pod: named, namespace: named })
  assert.equal(state().workloads[0]?.waypoint, undefined)
  store.create({
    ...kinds.gatewayClass,
    metadata: { name: 'istio-waypoint', labels: { 'istio.io/waypoint-for': 'workload' } },
  })
  const { workloads, services } = state()
  const waypoint = { destination: 'shop/waypoint.shop.svc.cluster.local', hboneMtlsPort: 15008 }
  assert.deepEqual(workloads[0]?.waypoint, waypoint)
  assert.equal(services[0]?.waypoint, undefined, 'for workloads only')
})

test('STRICT becomes a policy that refuses callers without identity', async (t) => {
  const { state, store } = await registry(t)
  assert.deepEqual(state().policies, [])
  store.create({
    ...kinds.peerAuthentication,
    metadata: { name: 'default', namespace: 'shop' },
    spec: { mtls: { mode: 'STRICT' } },
  })
  assert.deepEqual(state().workloads[0]?.authorizationPolicies, [
    'istio-system/istio_converted_static_strict',
  ])
  assert.deepEqual(state().policies[0]?.rules, [[[{ notPrincipals: [{ Presence: [] }] }]]])
  store.create({
    ...kinds.peerAuthentication,
    metadata: { name: 'cart', namespace: 'shop' },
    spec: { selector: { matchLabels: { app: 'cart' } }, mtls: { mode: 'PERMISSIVE' } },
  })
  assert.deepEqual(state().policies, [])
})

test('the protocol comes from appProtocol, else from the port name', () => {
  assert.equal(protocolOf({ port: 1, name: 'http-web' }), 'http')
  assert.equal(protocolOf({ port: 1, name: 'grpc' }), 'grpc')
  assert.equal(protocolOf({ port: 1, name: 'http', appProtocol: 'tcp' }), 'tcp')
  assert.equal(protocolOf({ port: 1, appProtocol: 'kubernetes.io/h2c' }), 'http2')
  assert.equal(protocolOf({ port: 1, name: 'https' }), 'tcp')
  assert.equal(protocolOf({ port: 1 }), 'tcp')
})
