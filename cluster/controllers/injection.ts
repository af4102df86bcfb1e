import type { Container, Pod, Probe } from '../kinds.ts'
import {
  adminPorts,
  hbonePort,
  istioVersion,
  meshAnnotations,
  meshLabels,
  sidecarContainer,
} from '../mesh-labels.ts'

export const sidecarImage = `meshbench/sidecar:${istioVersion}`

type Labels = Readonly<Record<string, string>> | undefined

/**
 * Whether a new pod gets a sidecar, as Istio's webhooks decide it
 * (istio/istio manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml): a
 * namespace's `istio-injection=disabled` beats everything else, then the pod's own label decides,
 * then the namespace's injection or revision label.
 */
export function wantsSidecar(pod: Pod, namespaceLabels: Labels): boolean {
  const { labels, annotations } = pod.metadata
  if (pod.spec.hostNetwork || annotations?.[meshAnnotations.sidecarStatus] !== undefined)
    return false
  const injection = namespaceLabels?.[meshLabels.injection]
  if (injection === 'disabled') return false
  const own = labels?.[meshLabels.inject] ?? annotations?.[meshLabels.inject]
  if (own !== undefined) return own === 'true'
  if (injection !== undefined) return injection === 'enabled'
  return (
    namespaceLabels?.[meshLabels.revision] !== undefined ||
    labels?.[meshLabels.revision] !== undefined
  )
}

/** Adds what Istio's injection template adds, with the sidecar as a native sidecar container. */
export function injectSidecar(
  pod: Pod,
  namespaceLabels: Labels,
  { takesHbone = false }: { readonly takesHbone?: boolean } = {},
): void {
  const { metadata, spec } = pod
  const revision =
    metadata.labels?.[meshLabels.revision] ?? namespaceLabels?.[meshLabels.revision] ?? 'default'
  const app = metadata.labels?.app ?? metadata.labels?.['app.kubernetes.io/name']
  const name = spec.containers[0]?.name ?? ''
  metadata.labels = {
    [meshLabels.canonicalName]: app ?? (metadata.generateName ?? metadata.name).replace(/-+$/, ''),
    [meshLabels.canonicalRevision]: metadata.labels?.version ?? 'latest',
    ...(takesHbone ? { [meshLabels.tunnel]: 'http' } : {}),
    ...metadata.labels,
    [meshLabels.tlsMode]: 'istio',
  }
  metadata.annotations = {
    'kubectl.kubernetes.io/default-container': name,
    'kubectl.kubernetes.io/default-logs-container': name,
    ...metadata.annotations,
    'istio.io/rev': revision,
    [meshAnnotations.sidecarStatus]: JSON.stringify({
      initContainers: [sidecarContainer],
      containers: null,
      volumes: null,
      imagePullSecrets: null,
      revision,
    }),
  }
  spec.initContainers = [sidecar(), ...(spec.initContainers ?? [])]
}

function sidecar(): Container {
  return {
    name: sidecarContainer,
    image: sidecarImage,
    restartPolicy: 'Always',
    args: ['proxy', 'sidecar'],
    ports: [{ name: 'http-envoy-prom', containerPort: adminPorts.stats, protocol: 'TCP' }],
    startupProbe: { ...readiness, periodSeconds: 1, failureThreshold: 600 },
    readinessProbe: { ...readiness, periodSeconds: 15, failureThreshold: 4 },
  }
}

const readiness: Probe = {
  httpGet: { path: '/healthz/ready', port: adminPorts.readiness },
  timeoutSeconds: 3,
}

/** A proxy that is a pod of its own: ztunnel or waypoint. */
export function proxyContainer(name: string, image: string): Container {
  return {
    name,
    image,
    ports: [
      { name: 'hbone', containerPort: hbonePort, protocol: 'TCP' },
      { name: 'metrics', containerPort: adminPorts.stats, protocol: 'TCP' },
      { name: 'status-port', containerPort: adminPorts.readiness, protocol: 'TCP' },
    ],
    readinessProbe: { ...readiness, periodSeconds: 10, failureThreshold: 3 },
  }
}
