import assert from 'node:assert/strict'
import { test } from 'node:test'
import { networkChecks } from '../../../migration/preflight/network.ts'
import { admitsAddress, admitsPort } from '../../../migration/preflight/network-rules.ts'
import { platformChecks } from '../../../migration/preflight/platforms.ts'
import { type CheckCase, testChecks } from '../../support/check-cases.ts'
import { changed, configMap, envVar, node, object, sidecarPod } from '../../support/healthy-mesh.ts'
import { deployment, namespace, policy } from '../../support/snapshots.ts'

const network = (place: string, spec: object) =>
  object('networking.k8s.io/v1', 'NetworkPolicy', place, { spec })
const port = (number: number | string, protocol = 'TCP') => ({ port: number, protocol })
const cart = { podSelector: { matchLabels: { app: 'cart' } } }
const fromWeb = [{ podSelector: { matchLabels: { app: 'web' } } }]
const ofShop = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } } }]
const caller = {
  namespace: 'front',
  workload: 'web',
  principal: 'cluster.local/ns/front/sa/web',
  destinationService: 'cart.shop.svc.cluster.local',
  protocol: 'http',
  via: 'sidecar',
} as const
const probed = changed('spec.template.spec.containers', [
  {
    name: 'app',
    image: 'app',
    ports: [{ name: 'health', containerPort: 8081 }],
    readinessProbe: { httpGet: { path: '/', port: 'health' } },
    livenessProbe: { exec: { command: ['true'] } },
  },
])
const denyAll = network('shop/deny', { podSelector: {}, policyTypes: ['Ingress'] })
const daemonSet = (name: string, image: string, env: readonly object[] = []) =>
  object('apps/v1', 'DaemonSet', `kube-system/${name}`, {
    metadata: { labels: { 'k8s-app': name } },
    spec: { selector: {}, template: { spec: { containers: [{ name, image, env }] } } },
  })
const cilium = (settings: Record<string, string>) => [
  daemonSet('cilium', 'quay.io/cilium/cilium:v1.17.0'),
  configMap('kube-system/cilium-config', { 'cni-exclusive': 'false', ...settings }),
]
const calico = (image: string, spec: object) => [
  daemonSet('calico-node', image),
  object('crd.projectcalico.org/v1', 'FelixConfiguration', 'default', { spec }),
]
const aws = (mode: string) => [
  daemonSet('aws-node', 'amazon-k8s-cni:v1.19', [
    envVar('ENABLE_POD_ENI', 'true'),
    envVar('POD_SECURITY_GROUP_ENFORCING_MODE', mode),
  ]),
  object('vpcresources.k8s.aws/v1beta1', 'SecurityGroupPolicy', 'shop/db', {}),
]
const cniImage = (image: string) => ({
  'DaemonSet istio-system/istio-cni-node': changed('spec.template.spec.containers', [
    { name: 'install-cni', image },
  ]),
})
const l7 = policy('deny-admin', {
  action: 'DENY',
  rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }],
})
const openShift = (gatewayConfig: object) => [
  node('node-2', { 'node.openshift.io/os_id': 'rhcos' }),
  object('operator.openshift.io/v1', 'Network', 'cluster', {
    spec: {
      defaultNetwork: { type: 'OVNKubernetes', ovnKubernetesConfig: { gatewayConfig } },
    },
  }),
]

const cases: readonly CheckCase[] = [
  {
    check: 'MB070',
    when: 'the namespace’s own policies list ports; the plan adds what is missing',
    add: [
      network('shop/cart', { ...cart, ingress: [{ from: fromWeb, ports: [port(8080)] }] }),
      network('shop/out', {
        podSelector: {},
        policyTypes: ['Egress'],
        egress: [
          { ports: [port(53, 'UDP'), port(53)] },
          { to: [{ podSelector: {} }], ports: [port(8080), port('grpc')] },
          { to: [{ ipBlock: { cidr: '203.0.113.0/24' } }], ports: [port(443)] },
        ],
      }),
    ],
    finds: [
      {
        severity: 'info',
        resource: 'NetworkPolicy shop/cart',
        reason: /^Its ingress rule 1 list ports without TCP 15008: .*; step S4 admits it$/,
        remedy: /"path":"\/spec\/ingress\/0\/ports\/-","value":\{"protocol":"TCP","port":15008\}/,
      },
      { severity: 'info', resource: 'NetworkPolicy shop/out', reason: /egress rule 2 / },
    ],
  },
  {
    check: 'MB070',
    when: 'ports are open, made up for, or for outsiders and other pods',
    add: [
      network('shop/cart', {
        ...cart,
        ingress: [
          { from: fromWeb, ports: [port(8080)] },
          { from: [{ ipBlock: { cidr: '10.0.0.0/8' } }], ports: [port(80)] },
          { from: [{ namespaceSelector: {} }] },
          {
            from: [{ podSelector: { matchLabels: { app: 'x' } } }],
            ports: [{ port: 15000, endPort: 15100 }],
          },
        ],
      }),
      network('shop/cart-ambient', { ...cart, ingress: [{ from: fromWeb, ports: [port(15008)] }] }),
      network('shop/none', {
        podSelector: { matchLabels: { app: 'nobody' } },
        ingress: [{ ports: [port(1)] }],
      }),
    ],
  },
  {
    check: 'MB070',
    when: 'callers may not send there',
    add: [
      namespace('front'),
      network('front/out', {
        podSelector: {},
        policyTypes: ['Egress'],
        egress: [{ to: ofShop, ports: [port(8080)] }],
      }),
    ],
    finds: [
      {
        severity: 'blocker',
        resource: 'NetworkPolicy front/out',
        reason: /egress rule 1 list ports without TCP 15008: pods of front call shop there$/,
        remedy: /kubectl -n front patch networkpolicy out --type=json/,
      },
    ],
  },
  {
    check: 'MB070',
    when: 'a policy for everybody concerns a known caller, and nobody else',
    add: [
      network('front/out', {
        podSelector: {},
        policyTypes: ['Egress'],
        egress: [{ ports: [port(80)] }],
      }),
      network('other/out', {
        podSelector: {},
        policyTypes: ['Egress'],
        egress: [{ ports: [port(80)] }],
      }),
    ],
    facts: { callers: { shop: [caller] } },
    finds: [
      {
        severity: 'blocker',
        resource: 'NetworkPolicy front/out',
        reason: /pods of front call shop/,
      },
    ],
  },
  {
    check: 'MB070',
    when: 'a peer’s sidecars take HBONE, and its policy does not let it in',
    add: [
      network('data/db', { podSelector: {}, ingress: [{ from: ofShop, ports: [port(5432)] }] }),
      sidecarPod('db', { namespace: 'data' }),
      network('plain/db', { podSelector: {}, ingress: [{ from: ofShop, ports: [port(5432)] }] }),
    ],
    facts: { callers: 'nobody knows' },
    finds: [
      {
        severity: 'blocker',
        resource: 'NetworkPolicy data/db',
        reason: /ambient pods of shop call there/,
      },
    ],
  },
  {
    check: 'MB070',
    when: 'policies may not be listed',
    facts: { unreadable: { networkPolicy: 'no permission' } },
    unread: /no permission/,
  },

  {
    check: 'MB071',
    when: 'probes are shut out; the plan lets them in',
    add: [probed(deployment('api')), denyAll],
    finds: [
      {
        severity: 'info',
        resource: 'Deployment shop/api',
        reason: /^Probes on port 8081 come from 169\.254\.7\.127 .* 1 policy does not admit that$/,
        remedy: /S4/,
      },
    ],
  },
  {
    check: 'MB071',
    when: 'Cilium shuts them out whatever an ipBlock says',
    add: [
      probed(deployment('api')),
      network('shop/deny', {
        podSelector: {},
        ingress: [{ from: [{ ipBlock: { cidr: '169.254.7.127/32' } }] }],
      }),
      ...cilium({}),
    ],
    finds: [
      {
        severity: 'blocker',
        resource: 'Deployment shop/api',
        reason: /8081/,
        remedy: /CiliumClusterwideNetworkPolicy/,
      },
    ],
  },
  {
    check: 'MB071',
    when: 'Cilium lets them in',
    add: [
      probed(deployment('api')),
      denyAll,
      ...cilium({}),
      object('cilium.io/v2', 'CiliumClusterwideNetworkPolicy', 'probes', {
        spec: { ingress: [{ fromCIDR: ['169.254.7.127/32'] }] },
      }),
    ],
  },
  {
    check: 'MB071',
    when: 'the address is admitted, or there is nothing to probe',
    add: [
      probed(deployment('api')),
      network('shop/api', {
        podSelector: { matchLabels: { app: 'api' } },
        ingress: [{ from: [{ ipBlock: { cidr: '169.254.0.0/16' } }], ports: [port(8081)] }],
      }),
      network('shop/cart', { ...cart, ingress: [] }),
    ],
  },

  {
    check: 'MB072',
    when: 'Cilium wants the node for itself and masquerades',
    add: cilium({ 'cni-exclusive': 'true', 'enable-bpf-masquerade': 'true' }),
    finds: [
      {
        severity: 'blocker',
        resource: 'ConfigMap kube-system/cilium-config',
        reason: /cni-exclusive/,
      },
      {
        severity: 'blocker',
        resource: 'ConfigMap kube-system/cilium-config',
        reason: /enable-bpf-masquerade/,
      },
    ],
  },
  {
    check: 'MB072',
    when: 'it replaces kube-proxy in pods too',
    add: cilium({ 'kube-proxy-replacement': 'true' }),
    finds: [
      {
        severity: 'warning',
        resource: 'ConfigMap kube-system/cilium-config',
        reason: /past every waypoint/,
        remedy: /socketLB\.hostNamespaceOnly=true/,
      },
    ],
  },
  {
    check: 'MB072',
    when: 'it does, and a waypoint is planned',
    add: [...cilium({ 'kube-proxy-replacement': 'strict' }), l7],
    finds: [
      { severity: 'blocker', resource: 'ConfigMap kube-system/cilium-config', reason: /waypoint/ },
    ],
  },
  {
    check: 'MB072',
    when: 'Cilium is set up for it',
    add: cilium({ 'kube-proxy-replacement': 'true', 'bpf-lb-sock-hostns-only': 'true' }),
  },
  {
    check: 'MB072',
    when: 'its settings may not be read',
    add: cilium({}),
    facts: {
      unreadable: { configMap: 'no permission to get ConfigMap kube-system/cilium-config' },
    },
    unread: /cilium-config/,
  },

  {
    check: 'MB073',
    when: 'Calico with eBPF is old and balances at connect time',
    add: calico('docker.io/calico/node:v3.28.2', { bpfEnabled: true }),
    finds: [
      {
        severity: 'blocker',
        resource: 'FelixConfiguration default',
        reason: /Calico v3\.28\.2 with eBPF/,
      },
      { severity: 'warning', resource: 'FelixConfiguration default', reason: /past its waypoint/ },
    ],
  },
  {
    check: 'MB073',
    when: 'it is new and does not',
    add: calico('calico/node:v3.30.0', {
      bpfEnabled: true,
      bpfConnectTimeLoadBalancing: 'Disabled',
    }),
  },
  { check: 'MB073', when: 'it does without eBPF', add: calico('calico/node:v3.20.0', {}) },
  {
    check: 'MB073',
    when: 'nobody knows its version',
    add: calico('calico/node@sha256:1', {
      bpfEnabled: true,
      bpfConnectTimeLoadBalancing: 'Disabled',
    }),
    unread: /names no version/,
  },

  {
    check: 'MB074',
    when: 'security groups are strict and istio-cni is old',
    add: aws('strict'),
    change: cniImage('istio/install-cni:1.29.2'),
    finds: [
      {
        severity: 'blocker',
        resource: 'SecurityGroupPolicy shop/db',
        reason: /istio-cni 1\.29\.2 cannot let probes through/,
        remedy: /ENFORCING_MODE=standard/,
      },
    ],
  },
  {
    check: 'MB074',
    when: 'istio-cni knows them',
    add: aws('strict'),
    change: cniImage('istio/install-cni:1.28.7'),
  },
  {
    check: 'MB074',
    when: 'they are standard',
    add: aws('standard'),
    change: cniImage('istio/install-cni:1.28.1'),
  },
  {
    check: 'MB074',
    when: 'istio-cni does not tell its version',
    add: aws('strict'),
    change: cniImage('istio/install-cni:latest'),
    unread: /latest names no version/,
  },

  {
    check: 'MB075',
    when: 'GKE has no quota for critical pods',
    add: [node('node-2', { 'cloud.google.com/gke-nodepool': 'default' })],
    finds: [
      { severity: 'warning', resource: 'Namespace istio-system', reason: /system-node-critical/ },
    ],
  },
  {
    check: 'MB075',
    when: 'GKE has one',
    add: [
      node('node-2', { 'cloud.google.com/gke-nodepool': 'default' }),
      object('v1', 'ResourceQuota', 'istio-system/critical', {
        spec: { scopeSelector: { matchExpressions: [{ values: ['system-node-critical'] }] } },
      }),
    ],
  },
  {
    check: 'MB075',
    when: 'OpenShift does not route via the host',
    add: openShift({}),
    finds: [{ severity: 'warning', resource: 'Network cluster', reason: /local gateway mode/ }],
  },
  { check: 'MB075', when: 'OpenShift does', add: openShift({ routingViaHost: true }) },
  {
    check: 'MB075',
    when: 'nodes may not be listed',
    facts: { unreadable: { node: 'no permission to list Node objects' } },
    unread: /no permission/,
  },
]

testChecks([...networkChecks, ...platformChecks], cases)

test('a rule admits ports by number, range and protocol, and addresses by block', () => {
  const table: readonly (readonly [object, boolean])[] = [
    [{}, true],
    [{ ports: [{ protocol: 'TCP' }] }, true],
    [{ ports: [{ port: 15008 }] }, true],
    [{ ports: [{ port: 15008, protocol: 'UDP' }] }, false],
    [{ ports: [{ port: 15000, endPort: 15008 }] }, true],
    [{ ports: [{ port: 15000, endPort: 15007 }] }, false],
    [{ ports: [{ port: 'hbone' }] }, false],
  ]
  for (const [rule, expected] of table) {
    assert.equal(admitsPort(rule, 15008), expected, JSON.stringify(rule))
  }
  const block = (cidr: string, except?: string[]) => ({
    from: [{ ipBlock: { cidr, ...(except && { except }) } }],
  })
  assert.equal(admitsAddress({}, '169.254.7.127'), true)
  assert.equal(admitsAddress(block('0.0.0.0/0'), '169.254.7.127'), true)
  assert.equal(admitsAddress(block('0.0.0.0/0', ['169.254.0.0/16']), '169.254.7.127'), false)
  assert.equal(admitsAddress(block('fd16::/16'), '169.254.7.127'), false)
  assert.equal(admitsAddress({ from: [{ podSelector: {} }] }, '169.254.7.127'), false)
})
