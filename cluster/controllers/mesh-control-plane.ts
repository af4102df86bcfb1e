import { type DaemonSet, type Deployment, kinds } from '../kinds.ts'
import { inProcessAnnotation, istioVersion, meshLabels, systemNamespace } from '../mesh-labels.ts'
import type { KubeObject } from '../objects.ts'

/** Whom ambient captures by default, as isLabelledAmbient decides it. */
const enablementSelector = `- podSelector:
    matchLabels:
      istio.io/dataplane-mode: ambient
- namespaceSelector:
    matchLabels:
      istio.io/dataplane-mode: ambient
  podSelector:
    matchExpressions:
    - key: istio.io/dataplane-mode
      operator: NotIn
      values:
      - none
`
const inProcess = { [inProcessAnnotation]: 'true' }

/**
 * What an installation of ambient Istio has besides ztunnel, so that whoever takes stock of a mesh finds
 * what it looks for. The control plane, the injector and the node agents run inside meshbench: these
 * workloads have no pods, and their status says whether what they stand for runs (in-process.ts).
 */
export function meshControlPlane(): KubeObject[] {
  return [
    istiod(),
    cniNode(),
    configMap('istio', {
      mesh: meshConfiguration({ takesHbone: true }),
      meshNetworks: 'networks: {}\n',
    }),
    configMap('istio-cni-config', {
      AMBIENT_ENABLED: 'true',
      AMBIENT_DNS_CAPTURE: 'false',
      AMBIENT_ENABLEMENT_SELECTOR: enablementSelector,
      EXCLUDE_NAMESPACES: 'kube-system',
    }),
    configMap('istio-sidecar-injector', {
      values: JSON.stringify({ sidecarInjectorWebhook: { enableNamespacesByDefault: false } }),
    }),
    injectionWebhooks(),
  ]
}

/** `mesh` of ConfigMap `istio`. With the ambient profile sidecars take HBONE. */
export function meshConfiguration({ takesHbone }: { readonly takesHbone: boolean }): string {
  return `trustDomain: cluster.local
rootNamespace: ${systemNamespace}
defaultConfig:
  proxyMetadata:
    ISTIO_META_ENABLE_HBONE: "${takesHbone}"
`
}

function istiod(): Deployment {
  const labels = { app: 'istiod', istio: 'pilot', [meshLabels.revision]: 'default' }
  const env = [
    { name: 'REVISION', value: 'default' },
    { name: 'PILOT_ENABLE_AMBIENT', value: 'true' },
  ]
  const container = { name: 'discovery', image: `meshbench/pilot:${istioVersion}`, env }
  return {
    ...kinds.deployment,
    metadata: metadata('istiod', labels),
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'istiod', [meshLabels.revision]: 'default' } },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  }
}

function cniNode(): DaemonSet {
  const labels = { 'k8s-app': 'istio-cni-node' }
  const env = [{ name: 'AMBIENT_ENABLED', value: 'true' }]
  const container = { name: 'install-cni', image: `meshbench/install-cni:${istioVersion}`, env }
  return {
    ...kinds.daemonSet,
    metadata: metadata('istio-cni-node', labels),
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  }
}

function metadata(name: string, labels: Record<string, string>): KubeObject['metadata'] {
  return { name, namespace: systemNamespace, labels, annotations: inProcess }
}

function configMap(name: string, data: Record<string, string>): KubeObject {
  const labels = { [meshLabels.revision]: 'default' }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: systemNamespace, labels },
    data,
  }
}

/** Whom the injector looks at (manifests/charts/istio-control of istio/istio; see injection.ts). */
function injectionWebhooks(): KubeObject {
  const { revision, injection, inject } = meshLabels
  const isIn = (key: string, ...values: string[]) => ({ key, operator: 'In', values })
  const isNot = (key: string, ...values: string[]) => ({ key, operator: 'NotIn', values })
  const isAbsent = (key: string) => ({ key, operator: 'DoesNotExist' })
  const hooks = {
    'rev.namespace': [[isIn(revision, 'default'), isAbsent(injection)], [isNot(inject, 'false')]],
    'rev.object': [
      [isAbsent(revision), isAbsent(injection)],
      [isNot(inject, 'false'), isIn(revision, 'default')],
    ],
    namespace: [[isIn(injection, 'enabled')], [isNot(inject, 'false')]],
    object: [
      [isAbsent(injection), isAbsent(revision)],
      [isIn(inject, 'true'), isAbsent(revision)],
    ],
  }
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: {
      name: 'istio-sidecar-injector',
      labels: { app: 'sidecar-injector', [revision]: 'default' },
      annotations: inProcess,
    },
    webhooks: Object.entries(hooks).map(([name, [namespaces, objects]]) => ({
      name: `${name}.sidecar-injector.istio.io`,
      clientConfig: {
        service: { name: 'istiod', namespace: systemNamespace, path: '/inject', port: 443 },
      },
      namespaceSelector: { matchExpressions: namespaces },
      objectSelector: { matchExpressions: objects },
      rules: [
        { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] },
      ],
      sideEffects: 'None',
      failurePolicy: 'Fail',
      admissionReviewVersions: ['v1'],
    })),
  }
}
