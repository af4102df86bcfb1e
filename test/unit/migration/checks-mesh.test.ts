import { accessChecks } from '../../../migration/preflight/access.ts'
import { controlPlaneChecks } from '../../../migration/preflight/control-plane.ts'
import { dataPlaneChecks } from '../../../migration/preflight/data-plane.ts'
import { gatewayApiChecks } from '../../../migration/preflight/gateway-api.ts'
import { topologyChecks } from '../../../migration/preflight/topology.ts'
import { type CheckCase, testChecks } from '../../support/check-cases.ts'
import {
  changed,
  configMap,
  definition,
  envVar,
  istiod,
  node,
  nodePod,
  object,
  ofCni,
  ofZtunnel,
  sidecarPod,
} from '../../support/healthy-mesh.ts'
import { deployment, namespace, policy } from '../../support/snapshots.ts'

const istiodName = 'Deployment istio-system/istiod'
const ztunnelName = 'DaemonSet istio-system/ztunnel'
const cniName = 'DaemonSet istio-system/istio-cni-node'
const cniConfig = 'ConfigMap istio-system/istio-cni-config'
const meshConfig = 'ConfigMap istio-system/istio'
const podOf = 'spec.template.spec'

/** As ambient sees it a policy that needs a waypoint. */
const l7 = policy('deny-admin', {
  action: 'DENY',
  rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }],
})

const image = (name: string, value: string) => (one: ReturnType<typeof istiod>) =>
  changed(`${podOf}.containers`, [{ name, image: value }])(one)
const oldIstiod = (tag: string) => ({
  drop: [istiodName],
  add: [istiod('default', `registry.example:5000/istio/pilot${tag}`)],
})

const cases: readonly CheckCase[] = [
  {
    check: 'MB001',
    when: 'a write is denied, planning only warns',
    facts: {
      allowed: ({ group, resource }) => group === 'networking.istio.io' || resource !== 'gateways',
    },
    finds: [
      {
        severity: 'warning',
        resource: 'gateways.gateway.networking.k8s.io',
        reason: /You may not get, list, watch gateways/,
      },
      {
        severity: 'warning',
        resource: 'gateways.gateway.networking.k8s.io',
        reason:
          /You may not create, patch, delete gateways\.gateway\.networking\.k8s\.io in shop: the waypoint/,
        remedy: /^meshbench migrate rbac --namespace shop \| kubectl apply -f -$/,
      },
    ],
  },
  {
    check: 'MB001',
    when: 'a write is denied, applying is blocked',
    facts: { allowed: ({ verb, resource }) => resource !== 'leases' || verb === 'get' },
    context: { purpose: 'apply' },
    finds: [
      {
        severity: 'blocker',
        resource: 'leases.coordination.k8s.io',
        reason: /You may not create, patch, delete leases\.coordination\.k8s\.io in shop/,
      },
    ],
  },
  {
    check: 'MB001',
    when: 'restarts are denied and none are planned',
    facts: { allowed: ({ verb, group }) => !(verb === 'patch' && group === 'apps') },
  },
  {
    check: 'MB001',
    when: 'restarts are denied and planned',
    facts: { allowed: ({ verb, resource }) => !(verb === 'patch' && resource === 'daemonsets') },
    options: { restartWorkloads: true },
    finds: [
      {
        severity: 'warning',
        resource: 'daemonsets.apps',
        reason: /may not patch daemonsets\.apps in shop/,
        remedy: /--restart-workloads/,
      },
    ],
  },

  {
    check: 'MB002',
    when: 'istiod does not serve ambient',
    change: { [istiodName]: image('discovery', 'istio/pilot:1.30.3') },
    finds: [
      {
        severity: 'blocker',
        resource: istiodName,
        reason: /without PILOT_ENABLE_AMBIENT=true/,
        remedy: /profile=ambient/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB002',
    when: 'there is no istiod',
    drop: [istiodName],
    finds: [
      {
        severity: 'blocker',
        resource: 'Namespace istio-system',
        reason: /no Istio|There is no|No Deployment/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB002',
    when: 'only a revision that does not serve the namespace lacks ambient',
    add: [image('discovery', 'istio/pilot:1.27.0')(istiod('old'))],
  },
  {
    check: 'MB002',
    when: 'the files do not hold istiod',
    drop: [istiodName],
    facts: { files: true },
    unread: /the files do not hold the Deployment of istiod/,
  },
  {
    check: 'MB002',
    when: 'deployments may not be listed',
    facts: { unreadable: { deployment: 'no permission to list Deployment objects' } },
    unread: /no permission/,
  },

  {
    check: 'MB003',
    when: 'Istio is older than ambient',
    ...oldIstiod(':1.23.4'),
    finds: [
      { severity: 'blocker', resource: istiodName, reason: /Istio 1\.23\.4/, acceptable: false },
    ],
  },
  {
    check: 'MB003',
    when: 'Istio is no longer supported',
    ...oldIstiod(':v1.27.3-distroless@sha256:0123'),
    finds: [
      { severity: 'warning', resource: istiodName, reason: /1\.27\.3-distroless gets no fixes/ },
    ],
  },
  { check: 'MB003', when: 'it is a build of the next release', ...oldIstiod(':1.32-alpha.4f2c1') },
  {
    check: 'MB003',
    when: 'the image names a digest only',
    ...oldIstiod('@sha256:0123'),
    unread: /registry\.example:5000\/istio\/pilot@sha256:0123 names no version/,
  },
  {
    check: 'MB003',
    when: 'the tag is nobody’s version',
    ...oldIstiod(':latest'),
    unread: /latest/,
  },

  {
    check: 'MB004',
    when: 'there is no ztunnel',
    drop: [ztunnelName],
    finds: [
      { severity: 'blocker', resource: ztunnelName, reason: /does not exist/, acceptable: false },
    ],
  },
  {
    check: 'MB004',
    when: 'a ztunnel is not ready',
    change: { [ztunnelName]: changed('status.desiredNumberScheduled', 3) },
    finds: [
      {
        severity: 'blocker',
        resource: ztunnelName,
        reason: /1 of 3 pods are ready/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB004',
    when: 'its template is not rolled out',
    change: { [ztunnelName]: changed('metadata.generation', 3) },
    finds: [
      { severity: 'blocker', resource: ztunnelName, reason: /newest template/, acceptable: false },
    ],
  },
  {
    check: 'MB004',
    when: 'it runs nowhere',
    change: { [ztunnelName]: changed('status.desiredNumberScheduled', 0) },
    finds: [
      { severity: 'blocker', resource: ztunnelName, reason: /runs nowhere/, acceptable: false },
    ],
  },
  {
    check: 'MB004',
    when: 'the files hold no status',
    facts: { files: true },
    change: { [ztunnelName]: changed('status', undefined) },
    unread: /no status/,
  },

  {
    check: 'MB005',
    when: 'there is no istio-cni',
    drop: [cniName],
    finds: [
      { severity: 'blocker', resource: cniName, reason: /does not exist/, acceptable: false },
    ],
  },
  {
    check: 'MB005',
    when: 'it is set up for sidecars only',
    change: { [cniConfig]: changed('data.AMBIENT_ENABLED', 'false') },
    finds: [
      {
        severity: 'blocker',
        resource: cniName,
        reason: /AMBIENT_ENABLED is not true/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB005',
    when: 'the environment overrules the ConfigMap',
    change: {
      [cniConfig]: changed('data.AMBIENT_ENABLED', 'false'),
      [cniName]: changed(`${podOf}.containers`, [
        { name: 'install-cni', image: 'x:1.30.3', env: [envVar('AMBIENT_ENABLED', 'true')] },
      ]),
    },
  },
  {
    check: 'MB005',
    when: 'config maps may not be read',
    facts: { unreadable: { configMap: 'no permission to list ConfigMaps' } },
    unread: /no permission/,
  },

  {
    check: 'MB006',
    when: 'a node of the pods has neither',
    add: [
      node('node-2'),
      sidecarPod('web', { spec: { nodeName: 'node-2', containers: [] } }),
      nodePod('istio-cni-node', ofCni, 'node-2'),
    ],
    finds: [
      {
        severity: 'blocker',
        resource: 'Node node-2',
        reason: /^1 pod of shop runs there, and no ready pod of DaemonSet istio-system\/ztunnel$/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB006',
    when: 'ztunnel of the node is not ready',
    drop: ['Pod istio-system/ztunnel-node-1'],
    add: [
      changed('status.conditions', [{ type: 'Ready', status: 'False' }])(
        nodePod('ztunnel', ofZtunnel),
      ),
    ],
    finds: [{ severity: 'blocker', resource: 'Node node-1', reason: /ztunnel/, acceptable: false }],
  },
  {
    check: 'MB006',
    when: 'only pods that opted out run there',
    add: [
      node('node-2'),
      sidecarPod('web', {
        labels: { 'istio.io/dataplane-mode': 'none' },
        spec: { nodeName: 'node-2', containers: [] },
      }),
    ],
  },
  {
    check: 'MB006',
    when: 'istio-cni is a part of the embedded cluster and has no pods',
    drop: ['Pod istio-system/istio-cni-node-node-1'],
    change: { [cniName]: changed(['metadata', 'annotations', 'meshbench.dev/in-process'], 'true') },
  },
  {
    check: 'MB006',
    when: 'files hold no pods',
    facts: { unreadable: { pod: 'the files hold no Pod' } },
    unread: /files hold no Pod/,
  },

  {
    check: 'MB007',
    when: 'the namespace is excluded',
    change: { [cniConfig]: changed('data.EXCLUDE_NAMESPACES', 'kube-system, shop') },
    finds: [
      {
        severity: 'blocker',
        resource: 'Namespace shop',
        reason: /EXCLUDE_NAMESPACES: kube-system, shop/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB008',
    when: 'istio-cni looks for other labels',
    change: {
      [cniConfig]: changed(
        'data.AMBIENT_ENABLEMENT_SELECTOR',
        '- namespaceSelector:\n    matchLabels: {mesh: "yes"}\n',
      ),
    },
    finds: [
      {
        severity: 'blocker',
        resource: 'Namespace shop',
        reason: /matches none of them/,
        remedy: /"mesh":"yes"/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB008',
    when: 'its selectors take in the planned label',
    change: {
      [cniConfig]: changed(
        'data.AMBIENT_ENABLEMENT_SELECTOR',
        '- podSelector:\n    matchLabels: {x: y}\n- namespaceSelector:\n    matchLabels: {istio.io/dataplane-mode: ambient}\n  podSelector:\n    matchExpressions: [{key: istio.io/dataplane-mode, operator: NotIn, values: [none]}]\n',
      ),
    },
  },
  {
    check: 'MB008',
    when: 'its selectors cannot be read',
    change: { [cniConfig]: changed('data.AMBIENT_ENABLEMENT_SELECTOR', '- [') },
    unread: /not YAML/,
  },

  {
    check: 'MB009',
    when: 'ztunnel is newer than istiod',
    change: { [ztunnelName]: image('istio-proxy', 'istio/ztunnel:1.31.0-rc.0') },
    finds: [
      {
        severity: 'warning',
        resource: ztunnelName,
        reason: /1\.31\.0-rc\.0 is newer than istiod 1\.30\.3/,
        remedy: /istiod first/,
      },
    ],
  },
  {
    check: 'MB009',
    when: 'istio-cni is two minor versions behind',
    change: { [cniName]: image('install-cni', 'istio/install-cni:1.28.1') },
    finds: [
      { severity: 'warning', resource: cniName, reason: /1\.28\.1 is 2 minor versions older/ },
    ],
  },
  {
    check: 'MB009',
    when: 'one is a minor version behind',
    change: { [ztunnelName]: image('istio-proxy', 'istio/ztunnel:1.29.9') },
  },
  {
    check: 'MB009',
    when: 'an image names no version',
    change: { [ztunnelName]: image('istio-proxy', 'istio/ztunnel@sha256:aa') },
    unread: /istio\/ztunnel@sha256:aa/,
  },
  {
    check: 'MB009',
    when: 'there are a ztunnel and a CNI agent, but no istiod',
    drop: [istiodName],
    unread: /^there is no istiod to hold the others against$/,
  },

  {
    check: 'MB010',
    when: 'routes are not served in v1, and a waypoint is planned',
    drop: ['CustomResourceDefinition httproutes.gateway.networking.k8s.io'],
    add: [l7, definition('httproutes.gateway.networking.k8s.io', 'v1beta1')],
    finds: [
      {
        severity: 'blocker',
        resource: 'CustomResourceDefinition httproutes.gateway.networking.k8s.io',
        reason: /does not serve v1 of httproutes/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB010',
    when: 'nothing is installed and no waypoint planned',
    facts: { unreadable: { customResourceDefinition: 'no permission' } },
  },
  {
    check: 'MB010',
    when: 'a waypoint is planned, and definitions may not be read',
    add: [l7],
    facts: { unreadable: { customResourceDefinition: 'no permission to get' } },
    unread: /no permission to get/,
  },
  {
    check: 'MB011',
    when: 'there is no class for waypoints',
    drop: ['GatewayClass istio-waypoint'],
    add: [l7],
    finds: [
      {
        severity: 'blocker',
        resource: 'GatewayClass istio-waypoint',
        reason: /does not exist/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB011',
    when: 'nobody has accepted the class',
    add: [l7],
    change: {
      'GatewayClass istio-waypoint': changed('status.conditions', [
        { type: 'Accepted', status: 'False', message: 'waiting' },
      ]),
    },
    finds: [
      {
        severity: 'blocker',
        resource: 'GatewayClass istio-waypoint',
        reason: /not accepted: waiting/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB011',
    when: 'the class in the files has no status',
    add: [l7],
    facts: { files: true },
    change: { 'GatewayClass istio-waypoint': changed('status', undefined) },
    unread: /no status/,
  },

  {
    check: 'MB012',
    when: 'the namespace is not discovered',
    change: {
      [meshConfig]: changed('data.mesh', 'discoverySelectors:\n- matchLabels: {mesh: "on"}\n'),
    },
    finds: [
      { severity: 'blocker', resource: 'Namespace shop', reason: /do not select it/ },
      { severity: 'blocker', resource: 'Namespace istio-system', reason: /do not select it/ },
    ],
  },
  {
    check: 'MB012',
    when: 'one selector takes it in',
    change: {
      [meshConfig]: changed(
        'data.mesh',
        'discoverySelectors:\n- matchLabels: {istio-injection: enabled}\n- matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [istio-system]}]\n',
      ),
    },
  },
  {
    check: 'MB013',
    when: 'the waypoint follows another revision',
    add: [
      istiod('canary'),
      object('gateway.networking.k8s.io/v1', 'Gateway', 'shop/waypoint', {
        metadata: { labels: { 'istio.io/rev': 'canary' } },
        spec: { gatewayClassName: 'istio-waypoint' },
      }),
    ],
    finds: [
      {
        severity: 'warning',
        resource: 'Gateway shop/waypoint',
        reason: /follows revision canary, Namespace shop revision default/,
      },
    ],
  },
  {
    check: 'MB013',
    when: 'the namespace follows a tag, and ztunnel another revision',
    drop: ['Namespace shop'],
    add: [
      namespace('shop', { 'istio.io/rev': 'stable' }),
      istiod('1-30-3'),
      object('admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration', 'tag', {
        metadata: { labels: { 'istio.io/tag': 'stable', 'istio.io/rev': '1-30-3' } },
      }),
    ],
    change: { [ztunnelName]: changed(['metadata', 'labels', 'istio.io/rev'], 'default') },
    finds: [
      { severity: 'warning', resource: ztunnelName, reason: /Namespace shop revision 1-30-3/ },
    ],
  },

  {
    check: 'MB014',
    when: 'the injector runs in another cluster',
    add: [
      object('admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration', 'injector', {
        metadata: { labels: { app: 'sidecar-injector' } },
        webhooks: [{ name: 'x', clientConfig: { url: 'https://elsewhere/inject' } }],
      }),
    ],
    finds: [
      {
        severity: 'blocker',
        resource: 'MutatingWebhookConfiguration injector',
        reason: /primary-remote/,
      },
    ],
  },
  {
    check: 'MB014',
    when: 'istiod serves other clusters',
    drop: [istiodName],
    add: [istiod('default', 'istio/pilot:1.30.3', [envVar('EXTERNAL_ISTIOD', 'true')])],
    finds: [{ severity: 'blocker', resource: istiodName, reason: /primary-remote/ }],
  },
  {
    check: 'MB014',
    when: 'the mesh knows other clusters',
    add: [
      object('v1', 'Secret', 'istio-system/istio-remote-secret-west'),
      object('v1', 'Service', 'istio-system/eastwest', {
        metadata: { labels: { istio: 'eastwestgateway' } },
        spec: {},
      }),
    ],
    finds: [
      {
        severity: 'warning',
        resource: 'Secret istio-system/istio-remote-secret-west',
        reason: /several clusters/,
      },
      {
        severity: 'warning',
        resource: 'Service istio-system/eastwest',
        reason: /several clusters/,
      },
    ],
  },
  {
    check: 'MB014',
    when: 'secrets may not be listed',
    facts: { unreadable: { secret: 'no permission to list Secrets in istio-system' } },
    unread: /no permission to list Secrets/,
  },
  {
    check: 'MB015',
    when: 'a workload mounts SPIRE',
    add: [
      changed(`${podOf}.volumes`, [{ name: 'identity', csi: { driver: 'csi.spiffe.io' } }])(
        deployment('safe'),
      ),
      deployment('templated', { annotations: { 'inject.istio.io/templates': 'sidecar,spire' } }),
    ],
    finds: [
      {
        severity: 'blocker',
        resource: 'Deployment shop/safe',
        reason: /volume identity of csi\.spiffe\.io/,
      },
      { severity: 'blocker', resource: 'Deployment shop/templated', reason: /sidecar,spire/ },
    ],
  },
  {
    check: 'MB015',
    when: 'istiod gets its certificates there',
    drop: [istiodName],
    add: [istiod('default', 'istio/pilot:1.30.3', [envVar('PILOT_CERT_PROVIDER', 'spiffe')])],
    finds: [{ severity: 'blocker', resource: istiodName, reason: /PILOT_CERT_PROVIDER is spiffe/ }],
  },
  {
    check: 'MB016',
    when: 'machines are in the namespace, or call it',
    add: [
      object('networking.istio.io/v1', 'WorkloadGroup', 'shop/legacy'),
      object('networking.istio.io/v1', 'WorkloadEntry', 'plant/press', {
        spec: { labels: { app: 'press' } },
      }),
    ],
    facts: {
      callers: {
        shop: [
          {
            namespace: 'plant',
            workload: 'press',
            principal: 'cluster.local/ns/plant/sa/press',
            destinationService: 'cart.shop.svc.cluster.local',
            protocol: 'http',
            via: 'unknown',
          },
        ],
      },
    },
    finds: [
      { severity: 'blocker', resource: 'WorkloadGroup shop/legacy', reason: /cannot join ambient/ },
      {
        severity: 'blocker',
        resource: 'WorkloadEntry plant/press',
        reason: /calls shop with a sidecar/,
      },
    ],
  },
  {
    check: 'MB016',
    when: 'machines are elsewhere, and nobody knows whom they call',
    add: [object('networking.istio.io/v1', 'WorkloadEntry', 'plant/press')],
    facts: { callers: 'files do not tell who calls' },
    unread: /who calls/,
  },
  {
    check: 'MB017',
    when: 'certificates come from somebody else',
    drop: ['ConfigMap istio-system/istio-sidecar-injector'],
    add: [
      configMap('istio-system/istio-sidecar-injector', {
        values: '{"global":{"caAddress":"cert-manager-istio-csr.cert-manager.svc:443"}}',
      }),
    ],
    finds: [
      {
        severity: 'warning',
        resource: 'ConfigMap istio-system/istio-sidecar-injector',
        reason: /cert-manager-istio-csr/,
      },
    ],
  },
  {
    check: 'MB017',
    when: 'istiod trusts another account than ztunnel’s',
    drop: [istiodName],
    add: [
      istiod('default', 'istio/pilot:1.30.3', [
        envVar('CA_TRUSTED_NODE_ACCOUNTS', 'kube-system/ztunnel'),
      ]),
    ],
    finds: [
      {
        severity: 'warning',
        resource: istiodName,
        reason: /kube-system\/ztunnel, and ztunnel runs as istio-system\/ztunnel/,
        remedy: /trustedZtunnelNamespace=istio-system/,
      },
    ],
  },
]

testChecks(
  [
    ...accessChecks,
    ...controlPlaneChecks,
    ...dataPlaneChecks,
    ...gatewayApiChecks,
    ...topologyChecks,
  ],
  cases,
)
