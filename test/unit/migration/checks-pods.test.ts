import { podChecks } from '../../../migration/preflight/pods.ts'
import { sidecarChecks } from '../../../migration/preflight/sidecars.ts'
import { type CheckCase, testChecks } from '../../support/check-cases.ts'
import { changed, node, object, sidecarPod } from '../../support/healthy-mesh.ts'
import { deployment, namespace, pod } from '../../support/snapshots.ts'

const cartPod = 'Pod shop/cart-5d9c7b8f6-x2k4q'
const cniName = 'DaemonSet istio-system/istio-cni-node'
const cniImage = (image: string) => ({
  [cniName]: changed('spec.template.spec.containers', [{ name: 'install-cni', image }]),
})
const onHost = pod('agent', { sidecar: false, spec: { hostNetwork: true, containers: [] } })
const strict = (place: string, spec: object = { mtls: { mode: 'STRICT' } }) =>
  object('security.istio.io/v1', 'PeerAuthentication', place, { spec })
const owned = (kind: string, name: string) => (one: ReturnType<typeof pod>) =>
  changed('metadata.ownerReferences', [
    { apiVersion: 'apps/v1', kind, name, uid: name, controller: true },
  ])(one)
const callee = {
  service: 'db.data.svc.cluster.local',
  namespace: 'data',
  workload: 'db',
  protocol: 'tcp',
} as const

const meshConfig = 'ConfigMap istio-system/istio'
const enables = (value: string) => ({
  annotations: {
    'sidecar.istio.io/status': '{}',
    'proxy.istio.io/config': `proxyMetadata: { ISTIO_META_ENABLE_HBONE: "${value}" }`,
  },
})

const cases: readonly CheckCase[] = [
  {
    check: 'MB030',
    when: 'pods have sidecars',
    add: [sidecarPod('web')],
    finds: [
      {
        severity: 'info',
        resource: 'Namespace shop',
        reason: /^2 pods of 2 workloads carry sidecars and keep them/,
        remedy: /--restart-workloads/,
      },
    ],
  },
  {
    check: 'MB030',
    when: 'they are to be restarted',
    options: { restartWorkloads: true },
    finds: [
      { severity: 'info', resource: 'Namespace shop', reason: /1 pod of 1 workload .* recreated/ },
    ],
  },
  {
    check: 'MB030',
    when: 'the embedded cluster takes them over live',
    liveTakeover: true,
    finds: [
      { severity: 'info', resource: 'Namespace shop', reason: /is taken over from its sidecar/ },
    ],
  },
  { check: 'MB030', when: 'the mesh is healthy', drop: [cartPod] },
  {
    check: 'MB030',
    when: 'pods were taken over live already',
    drop: [cartPod],
    add: [sidecarPod('cart', { annotations: { 'meshbench.dev/sidecar': 'idle' } })],
  },

  {
    check: 'MB031',
    when: 'a sidecar was injected before the profile switch',
    drop: [cartPod],
    add: [pod('cart')],
    finds: [
      {
        severity: 'warning',
        resource: 'Namespace shop',
        reason:
          /^1 pod of deployment\/cart without label networking\.istio\.io\/tunnel=http: .* in plaintext only$/,
        remedy: /kubectl -n shop rollout restart deployment\/cart/,
      },
    ],
  },
  {
    check: 'MB031',
    when: 'it is, and its namespace is STRICT',
    drop: [cartPod],
    add: [pod('cart'), strict('shop/default')],
    finds: [{ severity: 'blocker', resource: 'Namespace shop', reason: /which STRICT refuses/ }],
  },
  {
    check: 'MB031',
    when: 'the mesh is STRICT, whatever its root namespace is called, but the pod is not',
    drop: [cartPod],
    add: [
      pod('cart'),
      strict('istio-system/default'),
      strict('shop/cart', {
        selector: { matchLabels: { app: 'cart' } },
        mtls: { mode: 'PERMISSIVE' },
      }),
    ],
    finds: [{ severity: 'warning', resource: 'Namespace shop', reason: /plaintext only$/ }],
  },
  {
    check: 'MB031',
    when: 'the mesh has HBONE off, so a restart would not help',
    drop: [cartPod],
    add: [pod('cart'), strict('shop/default')],
    change: { [meshConfig]: changed('data.mesh', 'trustDomain: cluster.local') },
    finds: [
      {
        severity: 'blocker',
        resource: 'Namespace shop',
        reason: /STRICT refuses; restarted, they would still not take HBONE, as it is off/,
        remedy: /^Enable it first \(ISTIO_META_ENABLE_HBONE.*\), then: kubectl .*deployment\/cart$/,
      },
    ],
  },
  {
    check: 'MB031',
    when: 'the mesh has HBONE off, and the annotation of one pod has it on',
    drop: [cartPod],
    add: [pod('cart'), { ...pod('web'), metadata: { ...pod('web').metadata, ...enables('true') } }],
    change: { [meshConfig]: changed('data.mesh', 'trustDomain: cluster.local') },
    finds: [
      { severity: 'warning', resource: 'Namespace shop', reason: /deployment\/cart .* it is off/ },
      { severity: 'warning', resource: 'Namespace shop', reason: /deployment\/web .*only$/ },
    ],
  },
  {
    check: 'MB031',
    when: 'what the mesh is configured with cannot be read',
    drop: [cartPod, meshConfig],
    add: [pod('cart')],
    finds: [
      {
        severity: 'warning',
        resource: 'Namespace shop',
        reason: /whether it helps to restart them is unknown, as .* cannot be read$/,
        remedy: /^After the ambient profile is on: kubectl/,
      },
    ],
  },
  {
    check: 'MB031',
    when: 'it is one that the namespace calls',
    add: [namespace('data'), pod('db', { namespace: 'data' }), strict('data/default')],
    facts: { callees: { shop: [callee] } },
    finds: [{ severity: 'blocker', resource: 'Namespace data', reason: /deployment\/db .*STRICT/ }],
  },
  {
    check: 'MB031',
    when: 'nobody knows whom the namespace calls',
    facts: { callees: 'no permission to get pods/proxy in shop' },
    unread: /pods\/proxy/,
  },
  {
    check: 'MB031',
    when: 'all move together on the embedded cluster',
    drop: [cartPod],
    add: [pod('cart')],
    liveTakeover: true,
  },

  {
    check: 'MB034',
    when: 'a pod in the host’s network meets istio-cni 1.30.3',
    add: [onHost],
    finds: [
      {
        severity: 'blocker',
        resource: 'Deployment shop/agent',
        reason: /istio-cni 1\.30\.3 takes pods/,
        remedy: /kubectl -n shop patch deployment agent .*"istio\.io\/dataplane-mode":"none"/,
      },
    ],
  },
  ...['1.27.0', '1.28.9', '1.29.6'].map(
    (version): CheckCase => ({
      check: 'MB034',
      when: `istio-cni is ${version}`,
      add: [onHost],
      change: cniImage(`istio/install-cni:${version}`),
      finds: [{ severity: 'blocker', resource: 'Deployment shop/agent', reason: /eligible/ }],
    }),
  ),
  ...['1.26.4', '1.29.7', '1.30.4', '1.31.0-rc.0'].map(
    (version): CheckCase => ({
      check: 'MB034',
      when: `istio-cni is ${version}`,
      add: [onHost],
      change: cniImage(`istio/install-cni:${version}`),
      finds: [{ severity: 'info', resource: 'Deployment shop/agent', reason: /never captured/ }],
    }),
  ),
  {
    check: 'MB034',
    when: 'istio-cni does not tell its version',
    add: [onHost],
    change: cniImage('istio/install-cni@sha256:00'),
    unread: /names no version/,
  },
  {
    check: 'MB034',
    when: 'the pod opted out',
    add: [
      changed(['metadata', 'labels', 'istio.io/dataplane-mode'], 'none')(structuredClone(onHost)),
    ],
  },

  {
    check: 'MB035',
    when: 'pods opted out',
    add: [
      pod('batch', { sidecar: false, labels: { 'istio.io/dataplane-mode': 'none' } }),
      pod('waypoint', {
        sidecar: false,
        labels: {
          'istio.io/dataplane-mode': 'none',
          'gateway.networking.k8s.io/gateway-name': 'waypoint',
        },
      }),
    ],
    finds: [
      {
        severity: 'info',
        resource: 'Deployment shop/batch',
        reason: /^1 pod labelled .* stays outside/,
      },
    ],
  },

  {
    check: 'MB036',
    when: 'bare pods, Jobs and sets that wait for deletion have sidecars',
    add: [
      changed('metadata.ownerReferences', undefined)(sidecarPod('bare')),
      owned('Job', 'import')(sidecarPod('import')),
      owned('StatefulSet', 'db')(sidecarPod('db')),
      owned('StatefulSet', 'rolled')(sidecarPod('rolled')),
      object('apps/v1', 'StatefulSet', 'shop/db', {
        spec: { updateStrategy: { type: 'OnDelete' } },
      }),
      object('apps/v1', 'StatefulSet', 'shop/rolled', { spec: {} }),
    ],
    finds: [
      {
        severity: 'warning',
        resource: 'Pod shop/bare-5d9c7b8f6-x2k4q',
        reason: /nobody makes it again/,
        remedy: /kubectl -n shop delete pod bare-5d9c7b8f6-x2k4q/,
      },
      { severity: 'warning', resource: 'Job shop/import', reason: /running Job/ },
      { severity: 'warning', resource: 'StatefulSet shop/db', reason: /OnDelete/ },
    ],
  },
  {
    check: 'MB036',
    when: 'the embedded cluster needs no rollout',
    liveTakeover: true,
    add: [changed('metadata.ownerReferences', undefined)(sidecarPod('bare'))],
  },

  {
    check: 'MB042',
    when: 'pods run on Windows and on virtual nodes',
    add: [
      node('win-1', {}, 'windows'),
      node('virtual-1', { type: 'virtual-kubelet' }),
      sidecarPod('legacy', { spec: { nodeName: 'win-1', containers: [] } }),
      sidecarPod('burst', { spec: { nodeName: 'virtual-1', containers: [] } }),
      deployment('legacy'),
    ],
    finds: [
      { severity: 'blocker', resource: 'Deployment shop/legacy', reason: /Windows node win-1/ },
      { severity: 'blocker', resource: 'Deployment shop/burst', reason: /virtual node virtual-1/ },
    ],
  },
  {
    check: 'MB042',
    when: 'nodes may not be listed',
    facts: { unreadable: { node: 'no permission to list Node objects' } },
    unread: /no permission/,
  },
]

testChecks([...sidecarChecks, ...podChecks], cases)
