import type { KubeObject } from '../../cluster/objects.ts'
import { deployment, namespace, pod, service } from './snapshots.ts'

/** `object('v1', 'Service', 'shop/cart', { spec: {} })`; without a slash it has no namespace. */
export function object(
  apiVersion: string,
  kind: string,
  place: string,
  rest: Readonly<Record<string, unknown>> = {},
): KubeObject {
  const [first = '', second] = place.split('/')
  const { metadata, ...body } = rest
  const name = second === undefined ? { name: first } : { namespace: first, name: second }
  return { apiVersion, kind, metadata: { ...name, ...(metadata as object) }, ...body }
}

/** Sets what a dotted path says; `changed('spec.replicas', 1)`. Slashes and dots in names: give the parts. */
export function changed(path: string | readonly string[], value: unknown) {
  return (one: KubeObject): KubeObject => {
    const parts = typeof path === 'string' ? path.split('.') : path
    let at = one as Record<string, unknown>
    for (const part of parts.slice(0, -1)) {
      at[part] ??= {}
      at = at[part] as Record<string, unknown>
    }
    const last = parts.at(-1) ?? ''
    if (value === undefined) delete at[last]
    else at[last] = value
    return one
  }
}

export const envVar = (name: string, value: string) => ({ name, value })

export function istiod(
  revision = 'default',
  image = 'docker.io/istio/pilot:1.30.3-distroless',
  env: readonly { readonly name: string; readonly value: string }[] = [],
): KubeObject {
  const name = revision === 'default' ? 'istiod' : `istiod-${revision}`
  const settings = [envVar('REVISION', revision), envVar('PILOT_ENABLE_AMBIENT', 'true'), ...env]
  return object('apps/v1', 'Deployment', `istio-system/${name}`, {
    metadata: { labels: { app: 'istiod', 'istio.io/rev': revision } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'istiod' } },
      template: {
        metadata: { labels: { app: 'istiod' } },
        spec: { containers: [{ name: 'discovery', image, env: settings }] },
      },
    },
    status: { readyReplicas: 1 },
  })
}

function nodeSet(name: string, labels: Record<string, string>, container: object): KubeObject {
  return object('apps/v1', 'DaemonSet', `istio-system/${name}`, {
    metadata: { labels, generation: 2 },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { serviceAccountName: name, containers: [container] },
      },
    },
    status: {
      observedGeneration: 2,
      desiredNumberScheduled: 1,
      currentNumberScheduled: 1,
      updatedNumberScheduled: 1,
      numberReady: 1,
      numberMisscheduled: 0,
    },
  })
}

export function nodePod(name: string, labels: Record<string, string>, node = 'node-1'): KubeObject {
  return object('v1', 'Pod', `istio-system/${name}-${node}`, {
    metadata: { labels },
    spec: { nodeName: node, containers: [{ name, image: name }] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  })
}

export const ofZtunnel = { app: 'ztunnel' }
export const ofCni = { 'k8s-app': 'istio-cni-node' }

export function node(
  name: string,
  labels: Record<string, string> = {},
  system = 'linux',
): KubeObject {
  return object('v1', 'Node', name, {
    metadata: { labels: { 'kubernetes.io/os': system, ...labels } },
    status: { nodeInfo: { operatingSystem: system } },
  })
}

export function configMap(place: string, data: Record<string, string>): KubeObject {
  return object('v1', 'ConfigMap', place, { data })
}

export function definition(plural: string, version = 'v1'): KubeObject {
  return object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', plural, {
    spec: { versions: [{ name: version, served: true, storage: true }] },
  })
}

/** A sidecar that takes HBONE, as after the profile switch. */
export function sidecarPod(app: string, options: Parameters<typeof pod>[1] = {}): KubeObject {
  return pod(app, {
    ...options,
    labels: { 'networking.istio.io/tunnel': 'http', ...options.labels },
    spec: { nodeName: 'node-1', containers: [{ name: app, image: app }], ...options.spec },
  })
}

/** Ambient Istio 1.30 in good order, and namespace `shop` with a Deployment of sidecars. */
export function healthyMesh(): readonly KubeObject[] {
  const accepted = { conditions: [{ type: 'Accepted', status: 'True' }] }
  return [
    node('node-1'),
    namespace('istio-system'),
    namespace('shop', { 'istio-injection': 'enabled' }),
    istiod(),
    nodeSet('ztunnel', ofZtunnel, { name: 'istio-proxy', image: 'istio/ztunnel:1.30.3' }),
    nodeSet('istio-cni-node', ofCni, {
      name: 'install-cni',
      image: 'istio/install-cni:1.30.3',
    }),
    nodePod('ztunnel', ofZtunnel),
    nodePod('istio-cni-node', ofCni),
    configMap('istio-system/istio', {
      mesh: 'trustDomain: cluster.local\nrootNamespace: istio-system\ndefaultConfig: { proxyMetadata: { ISTIO_META_ENABLE_HBONE: "true" } }\n',
    }),
    configMap('istio-system/istio-cni-config', {
      AMBIENT_ENABLED: 'true',
      EXCLUDE_NAMESPACES: 'kube-system',
    }),
    configMap('istio-system/istio-sidecar-injector', {
      values:
        '{"global":{"caAddress":""},"sidecarInjectorWebhook":{"enableNamespacesByDefault":false}}',
    }),
    object('gateway.networking.k8s.io/v1', 'GatewayClass', 'istio-waypoint', { status: accepted }),
    ...['gatewayclasses', 'gateways', 'httproutes', 'grpcroutes'].map((plural) =>
      definition(`${plural}.gateway.networking.k8s.io`),
    ),
    deployment('cart'),
    sidecarPod('cart'),
    service('cart'),
  ]
}
