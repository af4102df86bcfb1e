import { serviceChecks } from '../../../migration/preflight/services.ts'
import { waypointChecks } from '../../../migration/preflight/waypoints.ts'
import { type CheckCase, testChecks } from '../../support/check-cases.ts'
import { changed, object, sidecarPod } from '../../support/healthy-mesh.ts'
import { deployment, namespace, pod, policy, service } from '../../support/snapshots.ts'

const always = { options: { waypoint: 'always' } } as const
const shop = 'Namespace shop'
const l7 = policy('deny-admin', {
  action: 'DENY',
  rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }],
})
const gateway = (
  place: string,
  options: { labels?: Record<string, string>; listener?: object; programmed?: boolean } = {},
) =>
  object('gateway.networking.k8s.io/v1', 'Gateway', place, {
    metadata: { labels: options.labels ?? {} },
    spec: {
      gatewayClassName: 'istio-waypoint',
      listeners: [{ name: 'mesh', port: 15008, protocol: 'HBONE', ...options.listener }],
    },
    status: {
      conditions: [{ type: 'Programmed', status: options.programmed === false ? 'False' : 'True' }],
    },
  })
const proxies = (place: string, replicas: number, readyReplicas = replicas) =>
  changed('status', { readyReplicas })(
    object('apps/v1', 'Deployment', place, {
      metadata: { labels: { 'gateway.networking.k8s.io/gateway-name': 'waypoint' } },
      spec: { replicas, selector: {}, template: { spec: { containers: [] } } },
    }),
  )
const labelled = (labels: Record<string, string>) => ({
  [shop]: changed('metadata.labels', { 'istio-injection': 'enabled', ...labels }),
})
const bound = labelled({ 'istio.io/use-waypoint': 'waypoint' })
const elsewhere = labelled({
  'istio.io/use-waypoint': 'waypoint',
  'istio.io/use-waypoint-namespace': 'infra',
})
const route = (parent: object, backend: object) =>
  object('gateway.networking.k8s.io/v1', 'HTTPRoute', 'shop/entry', {
    spec: { parentRefs: [parent], rules: [{ backendRefs: [backend] }] },
  })
const caller = (workload: string, via: 'sidecar' | 'ztunnel' | 'unknown', home = 'front') =>
  ({
    namespace: home,
    workload,
    principal: `cluster.local/ns/${home}/sa/${workload}`,
    destinationService: 'cart.shop.svc.cluster.local',
    protocol: 'http',
    via,
  }) as const
const allows = (namespaces: object) => ({ listener: { allowedRoutes: { namespaces } } })

const cases: readonly CheckCase[] = [
  {
    check: 'MB080',
    when: 'a service is headless, another needs L7',
    ...always,
    add: [
      changed('spec.clusterIP', 'None')(service('peers')),
      changed('spec.clusterIP', 'None')(service('routed')),
      route({ kind: 'Service', group: '', name: 'routed' }, { name: 'routed' }),
    ],
    finds: [
      {
        severity: 'warning',
        resource: 'Service shop/peers',
        reason: /reached past every service waypoint$/,
      },
      {
        severity: 'blocker',
        resource: 'Service shop/routed',
        reason: /past HTTPRoute shop\/entry$/,
      },
    ],
  },
  {
    check: 'MB080',
    when: 'no waypoint is planned',
    add: [changed('spec.clusterIP', 'None')(service('peers'))],
  },
  {
    check: 'MB081',
    when: 'ports do not say their protocol',
    ...always,
    add: [
      changed('spec.ports', [
        { name: 'web', port: 80 },
        { port: 81 },
        { name: 'x', port: 82, appProtocol: 'kubernetes.io/h2c' },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ])(service('api')),
    ],
    finds: [
      { severity: 'info', resource: 'Service shop/api', reason: /^Port 80, 81 does not say/ },
    ],
  },
  {
    check: 'MB082',
    when: 'a gateway leads past the waypoint',
    ...always,
    add: [route({ name: 'edge', namespace: 'infra' }, { name: 'cart', port: 8080 })],
    intent: { needsL7: [] },
    finds: [
      {
        severity: 'warning',
        resource: 'Service shop/cart',
        reason: /^HTTPRoute shop\/entry brings requests in/,
        remedy: /^kubectl -n shop label service cart istio\.io\/ingress-use-waypoint=true$/,
      },
    ],
  },
  {
    check: 'MB082',
    when: 'the plan sends ingress through the waypoint',
    ...always,
    add: [route({ name: 'edge', namespace: 'infra' }, { name: 'cart', port: 8080 })],
    intent: { ingressUsesWaypoint: true },
    finds: [
      { severity: 'info', resource: 'Service shop/cart', reason: /step S9 sends them through/ },
    ],
  },
  {
    check: 'MB082',
    when: 'an old gateway leads past an authorization that needs it',
    add: [
      l7,
      object('networking.istio.io/v1', 'VirtualService', 'infra/entry', {
        spec: {
          hosts: ['shop.example'],
          gateways: ['infra/edge'],
          http: [{ route: [{ destination: { host: 'cart.shop.svc.cluster.local' } }] }],
        },
      }),
    ],
    finds: [
      {
        severity: 'blocker',
        resource: 'Service shop/cart',
        reason: /VirtualService infra\/entry brings .* past AuthorizationPolicy shop\/deny-admin$/,
      },
    ],
  },
  {
    check: 'MB082',
    when: 'the service is labelled, the route a waypoint’s, or there is no waypoint',
    ...always,
    drop: ['Service shop/cart'],
    add: [
      service('cart', { labels: { 'istio.io/ingress-use-waypoint': 'true' } }),
      service('web'),
      gateway('shop/waypoint'),
      route({ name: 'waypoint' }, { name: 'web' }),
    ],
  },

  {
    check: 'MB083',
    when: 'callers with sidecars skip policies',
    add: [l7, sidecarPod('web', { namespace: 'front' })],
    facts: { callers: { shop: [caller('web', 'sidecar'), caller('done', 'ztunnel')] } },
    finds: [
      {
        severity: 'blocker',
        resource: 'Workload front/web',
        reason:
          /^It calls cart\.shop\.svc\.cluster\.local with a sidecar, .*AuthorizationPolicy shop\/deny-admin would not apply to it \(metrics of 2 of 2 proxies/,
        remedy: /--accept MB083/,
      },
    ],
  },
  {
    check: 'MB083',
    when: 'nothing depends on the waypoint',
    ...always,
    add: [sidecarPod('web', { namespace: 'front' })],
    facts: { callers: { shop: [caller('web', 'sidecar')] } },
    finds: [
      { severity: 'warning', resource: 'Workload front/web', reason: /sidecars skip waypoints/ },
    ],
  },
  {
    check: 'MB083',
    when: 'callers are converted along',
    ...always,
    options: { waypoint: 'always', restartWorkloads: true },
    add: [sidecarPod('web', { namespace: 'front' })],
    facts: { callers: { shop: [caller('cart', 'sidecar', 'shop')] } },
  },
  {
    check: 'MB083',
    when: 'nobody knows the callers, but nobody has a sidecar either',
    ...always,
    drop: ['Pod shop/cart-5d9c7b8f6-x2k4q'],
    add: [pod('web', { namespace: 'front', sidecar: false })],
    facts: { callers: 'shop has no proxy yet' },
  },
  {
    check: 'MB083',
    when: 'nobody knows the callers',
    add: [l7],
    facts: { callers: 'no permission to get pods/proxy in shop' },
    unread: /pods\/proxy/,
  },

  {
    check: 'MB084',
    when: 'the waypoint is yet to be made',
    ...always,
    finds: [
      { severity: 'warning', resource: 'Gateway shop/waypoint', reason: /will have one replica/ },
    ],
  },
  {
    check: 'MB084',
    when: 'there is one of a single pod',
    ...always,
    add: [gateway('shop/waypoint'), proxies('shop/waypoint', 1)],
    finds: [
      {
        severity: 'warning',
        resource: 'Gateway shop/waypoint',
        reason: /has one replica and no auto/,
      },
    ],
  },
  {
    check: 'MB084',
    when: 'it is scaled',
    ...always,
    add: [
      gateway('shop/waypoint'),
      proxies('shop/waypoint', 1),
      object('autoscaling/v2', 'HorizontalPodAutoscaler', 'shop/waypoint', {
        spec: { scaleTargetRef: { kind: 'Deployment', name: 'waypoint' } },
      }),
    ],
  },
  {
    check: 'MB085',
    when: 'a waypoint elsewhere does not let the namespace in',
    change: elsewhere,
    add: [gateway('infra/waypoint')],
    finds: [
      {
        severity: 'blocker',
        resource: shop,
        reason: /AttachmentDenied/,
        remedy: /kubectl -n infra patch gateway waypoint/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB085',
    when: 'it lets everybody in',
    change: elsewhere,
    add: [gateway('infra/waypoint', allows({ from: 'All' }))],
  },
  {
    check: 'MB085',
    when: 'it selects the namespace',
    change: elsewhere,
    add: [
      gateway(
        'infra/waypoint',
        allows({
          from: 'Selector',
          selector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } },
        }),
      ),
    ],
  },
  {
    check: 'MB085',
    when: 'it selects others',
    change: elsewhere,
    add: [
      gateway(
        'infra/waypoint',
        allows({ from: 'Selector', selector: { matchLabels: { a: 'b' } } }),
      ),
    ],
    finds: [{ severity: 'blocker', resource: shop, reason: /No listener/, acceptable: false }],
  },
  {
    check: 'MB086',
    when: 'services are bound to a waypoint for pods, pods to one for services',
    change: bound,
    add: [
      gateway('shop/waypoint', { labels: { 'istio.io/waypoint-for': 'workload' } }),
      gateway('shop/services'),
      deployment('db', { labels: { 'istio.io/use-waypoint': 'services' } }),
    ],
    finds: [
      {
        severity: 'blocker',
        resource: shop,
        reason: /is for workload, and a service is bound/,
        remedy: /kubectl -n shop label gateway waypoint --overwrite istio\.io\/waypoint-for=all/,
        acceptable: false,
      },
      {
        severity: 'blocker',
        resource: 'Deployment shop/db',
        reason: /for service, and a pod/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB086',
    when: 'the waypoint serves both, or nothing is to be bound',
    change: bound,
    add: [
      gateway('shop/waypoint', { labels: { 'istio.io/waypoint-for': 'all' } }),
      service('out', { labels: { 'istio.io/use-waypoint': 'none' } }),
    ],
  },
  {
    check: 'MB087',
    when: 'a waypoint that is asked for does not exist',
    change: labelled({ 'istio.io/use-waypoint': 'elsewhere' }),
    add: [namespace('infra')],
    finds: [
      {
        severity: 'blocker',
        resource: shop,
        reason: /asks for waypoint shop\/elsewhere, which does not exist: traffic goes past it/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB087',
    when: 'it is not programmed',
    change: bound,
    add: [gateway('shop/waypoint', { programmed: false })],
    finds: [
      { severity: 'blocker', resource: shop, reason: /is not programmed/, acceptable: false },
    ],
  },
  {
    check: 'MB087',
    when: 'it has no ready pod, as a service asks for it',
    drop: ['Service shop/cart'],
    add: [
      service('cart', { labels: { 'istio.io/use-waypoint': 'waypoint' } }),
      gateway('shop/waypoint'),
      proxies('shop/waypoint', 2, 0),
    ],
    finds: [
      {
        severity: 'blocker',
        resource: 'Service shop/cart',
        reason: /has no ready pod/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB087',
    when: 'it is ready',
    change: bound,
    add: [gateway('shop/waypoint'), proxies('shop/waypoint', 2)],
  },
  {
    check: 'MB087',
    when: 'the plan makes it first',
    add: [l7],
  },
  {
    check: 'MB087',
    when: 'files hold no status',
    facts: { files: true },
    change: bound,
    add: [changed('status', undefined)(gateway('shop/waypoint'))],
    unread: /no status/,
  },
]

testChecks([...serviceChecks, ...waypointChecks], cases)
