/** Names of Istio's labels and annotations that decide how a pod joins the mesh (istio/api label/labels.yaml). */
export const meshLabels = {
  injection: 'istio-injection',
  revision: 'istio.io/rev',
  inject: 'sidecar.istio.io/inject',
  dataplaneMode: 'istio.io/dataplane-mode',
  useWaypoint: 'istio.io/use-waypoint',
  useWaypointNamespace: 'istio.io/use-waypoint-namespace',
  /** On a Gateway or its class. */
  waypointFor: 'istio.io/waypoint-for',
  tlsMode: 'security.istio.io/tlsMode',
  /** Written by the injector: this sidecar takes HBONE. */
  tunnel: 'networking.istio.io/tunnel',
  canonicalName: 'service.istio.io/canonical-name',
  canonicalRevision: 'service.istio.io/canonical-revision',
  gatewayName: 'gateway.networking.k8s.io/gateway-name',
  managedGateway: 'gateway.istio.io/managed',
} as const

export const meshAnnotations = {
  /** Written by the injector: this pod has a sidecar. */
  sidecarStatus: 'sidecar.istio.io/status',
  /** Written by the node agent: `pending`, then `enabled` once the ztunnel serves the pod. */
  redirection: 'ambient.istio.io/redirection',
  /** Written by the node agent: how far ambient has taken over from a running sidecar (takeover.ts). */
  takeover: 'meshbench.dev/sidecar',
  /**
   * `cart.shop,web.shop`: services of other namespaces that this pod calls. On a real cluster DNS finds
   * them; here each needs an address of the pod's own before it starts.
   */
  calls: 'meshbench.dev/calls',
  proxyConfig: 'proxy.istio.io/config',
  excludeInboundPorts: 'traffic.sidecar.istio.io/excludeInboundPorts',
} as const

/** The Istio whose behaviour and objects the embedded mesh follows, and the tag of its images. */
export const istioVersion = '1.30.3'
export const systemNamespace = 'istio-system'
export const managedByMesh = 'istio.io-mesh-controller'
export const sidecarContainer = 'istio-proxy'
export const hbonePort = 15008
/** Istio's: admin on loopback, merged metrics, readiness. */
export const adminPorts = { admin: 15000, stats: 15020, readiness: 15021 } as const

/** Starts an agent for a Node object. */
export const simulatedNodeLabel = 'meshbench.dev/simulated'
/** Only nodes with it run a ztunnel, so that others measure what they are meant to. */
export const ztunnelNodeLabel = 'meshbench.dev/ztunnel'
/** On pods that meshbench itself puts into a namespace to call its services; they are nobody's workload. */
export const generatorAnnotation = 'meshbench.dev/load-generator'
/** On a Deployment or DaemonSet that stands for a part of meshbench itself and so has no pods. */
export const inProcessAnnotation = 'meshbench.dev/in-process'
/** On the ztunnel DaemonSet: running pods with sidecars are taken over too (agent/takeover.ts). */
export const liveTakeoverAnnotation = 'meshbench.dev/live-takeover'
/** On a Gateway: the node its waypoint runs on. */
export const waypointNodeAnnotation = 'meshbench.dev/node'

type Labels = Readonly<Record<string, string>> | undefined

/**
 * Who stands between a pod and the network.
 * Sidecar: the injector's annotation says so, whatever the labels, unless it was taken over live. Ambient: the pod's own label, else
 * its namespace's (istio/istio cni/pkg/util/enablement_selector.go).
 */
export function dataplaneOf(
  pod: {
    readonly labels?: Labels
    readonly annotations?: Labels
    readonly hostNetwork?: boolean
  },
  namespaceLabels: Labels,
): 'none' | 'sidecar' | 'ambient' {
  if (pod.hostNetwork) return 'none'
  if (pod.annotations?.[meshAnnotations.sidecarStatus] !== undefined) {
    const takeover = pod.annotations[meshAnnotations.takeover]
    return takeover === 'draining' || takeover === 'idle' ? 'ambient' : 'sidecar'
  }
  return isLabelledAmbient(pod.labels, namespaceLabels) ? 'ambient' : 'none'
}

export function isLabelledAmbient(labels: Labels, namespaceLabels: Labels): boolean {
  const mode = labels?.[meshLabels.dataplaneMode] ?? namespaceLabels?.[meshLabels.dataplaneMode]
  return mode === 'ambient'
}

/**
 * What selectors of policies see when a ztunnel enforces them. The injector's label says that a sidecar
 * does: policies are kept to sidecars by it. A pod that was taken over live carries it on, since nobody
 * rewrites the labels of running pods, but its sidecar does not serve any more.
 */
export function labelsForZtunnel(metadata: {
  readonly labels?: Labels
  readonly annotations?: Labels
}): Readonly<Record<string, string>> {
  const { labels = {}, annotations } = metadata
  if (annotations?.[meshAnnotations.takeover] === undefined) return labels
  const { [meshLabels.tlsMode]: _, ...others } = labels
  return others
}

/** Whether its sidecar serves port 15008. */
export function takesHbone({
  labels,
  annotations,
}: {
  readonly labels?: Labels
  readonly annotations?: Labels
}): boolean {
  return (
    annotations?.[meshAnnotations.sidecarStatus] !== undefined &&
    labels?.[meshLabels.tunnel] === 'http'
  )
}

/** Ports that the application serves itself in every mode. */
export function excludedInboundPorts(annotations: Labels): number[] {
  return (annotations?.[meshAnnotations.excludeInboundPorts] ?? '')
    .split(',')
    .map((item) => Number(item.trim()))
    .filter((number) => number > 0)
}
