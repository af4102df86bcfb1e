import type { KubeObject } from '../../cluster/objects.ts'
import { serviceImage, storeImage } from '../../workloads/images.ts'

/** A namespace as it can be rehearsed, and what that differs in from the original. */
export interface StandIns {
  readonly objects: readonly KubeObject[]
  readonly replaced: readonly string[]
  readonly leftOut: readonly string[]
}

interface Port {
  readonly name?: string
  readonly containerPort: number
}

interface Container {
  readonly name: string
  readonly image?: string
  readonly ports?: readonly Port[]
}

interface PodSpec {
  readonly serviceAccountName?: string
  readonly terminationGracePeriodSeconds?: number
  readonly hostNetwork?: boolean
  readonly initContainers?: readonly unknown[]
  readonly volumes?: readonly unknown[]
  readonly containers?: readonly Container[]
}

interface ServicePort {
  readonly name?: string
  readonly appProtocol?: string
  readonly targetPort?: number | string
  readonly port: number
}

const workloads = ['Deployment', 'StatefulSet', 'DaemonSet']

/** Kept word for word: they are what the rehearsal is about. */
const kept = [
  'ServiceAccount',
  'PodDisruptionBudget',
  'NetworkPolicy',
  'AuthorizationPolicy',
  'PeerAuthentication',
  'RequestAuthentication',
  'VirtualService',
  'DestinationRule',
  'HTTPRoute',
  'GRPCRoute',
  'Gateway',
]

/** Objects that a cluster makes by itself, or that say nothing of a mesh. */
const silent = ['Namespace', 'Pod', 'ReplicaSet', 'Node', 'ConfigMap', 'Secret', 'Endpoints']

const mostReplicas = 2

/**
 * Each workload of `namespace` with our service instead of its own programs: same names, labels, ports,
 * accounts; Services and policies as they are, those of the root namespace too.
 */
export function standIns(
  all: readonly KubeObject[],
  namespace: string,
  rootNamespace = 'istio-system',
): StandIns {
  const replaced: string[] = []
  const leftOut: string[] = []
  const own = all.filter(({ metadata }) => metadata.namespace === namespace)
  const services = own.filter(({ kind }) => kind === 'Service')
  const shared = all.filter(
    ({ kind, metadata }) =>
      metadata.namespace === rootNamespace &&
      ['AuthorizationPolicy', 'PeerAuthentication', 'RequestAuthentication'].includes(kind),
  )
  const objects = [...own, ...shared].flatMap((object): KubeObject[] => {
    const plain = withoutHistory(object)
    const name = `${object.kind} ${object.metadata.name}`
    if (workloads.includes(object.kind)) return [standIn(plain, services, replaced, leftOut)]
    if (object.kind === 'Service') return [plainService(plain)]
    if (object.kind === 'Gateway' && !isWaypoint(object)) {
      leftOut.push(`${name}: ingress is not rehearsed`)
      return []
    }
    if (object.kind === 'ServiceAccount' && object.metadata.name === 'default') return []
    if (kept.includes(object.kind)) return [plain]
    if (!silent.includes(object.kind)) leftOut.push(`${name}: this kind is not rehearsed`)
    return []
  })
  return { objects, replaced, leftOut }
}

function standIn(
  object: KubeObject,
  services: readonly KubeObject[],
  replaced: string[],
  leftOut: string[],
): KubeObject {
  const name = `${object.kind} ${object.metadata.name}`
  const spec = object.spec as {
    replicas?: number
    selector?: unknown
    strategy?: unknown
    serviceName?: string
    template: { metadata?: { labels?: object; annotations?: object }; spec?: PodSpec }
  }
  const { template, selector, strategy, serviceName, replicas = 1 } = spec
  const pod = template.spec ?? {}
  const own = (pod.containers ?? []).filter((container) => container.name !== 'istio-proxy')
  const images = own.map(({ image }) => image ?? 'no image').join(', ')
  replaced.push(`${name}: ${images}`)
  if (pod.initContainers?.length) leftOut.push(`${name}: init containers`)
  if (pod.volumes?.length) leftOut.push(`${name}: volumes`)
  if (pod.hostNetwork) leftOut.push(`${name}: hostNetwork`)
  if (replicas > mostReplicas) leftOut.push(`${name}: ${replicas - mostReplicas} of its replicas`)
  const labels = (template.metadata?.labels ?? {}) as Record<string, string>
  const containers = own.flatMap((container) =>
    containersFor(container, object.metadata.name, protocolsOf(labels, services)),
  )
  return {
    ...object,
    spec: {
      ...(object.kind === 'DaemonSet' ? {} : { replicas: Math.min(replicas, mostReplicas) }),
      ...(selector === undefined ? {} : { selector }),
      ...(strategy === undefined ? {} : { strategy }),
      ...(serviceName === undefined ? {} : { serviceName }),
      template: {
        metadata: template.metadata,
        spec: {
          ...(pod.serviceAccountName ? { serviceAccountName: pod.serviceAccountName } : {}),
          containers,
        },
      },
    },
  }
}

type IsTcp = (port: Port) => boolean

/** One of ours for every port, since each serves one. */
function containersFor(container: Container, workload: string, isTcp: IsTcp): object[] {
  const ports = container.ports ?? []
  const first = { name: container.name, image: serviceImage }
  if (ports.length === 0) return [first]
  return ports.map((port, index) => {
    const tcp = isTcp(port)
    const number = port.containerPort
    return {
      name: index === 0 ? container.name : `${container.name}-${number}`.slice(0, 63),
      image: tcp ? storeImage : serviceImage,
      ports: [port],
      env: [
        { name: 'PORT', value: String(number) },
        { name: 'SERVICE_NAME', value: workload },
        { name: 'RESPONSE_BYTES', value: '1024' },
      ],
      readinessProbe: {
        ...(tcp
          ? { tcpSocket: { port: number } }
          : { httpGet: { path: '/healthz', port: number } }),
        periodSeconds: 1,
      },
    }
  })
}

/** Whether a port speaks something else than HTTP, as the Services in front of it say. */
function protocolsOf(labels: Record<string, string>, services: readonly KubeObject[]): IsTcp {
  const named = services.flatMap(({ spec }) => {
    const { selector = {}, ports = [] } = spec as {
      selector?: Record<string, string>
      ports?: readonly ServicePort[]
    }
    const selects = Object.entries(selector).every(([key, value]) => labels[key] === value)
    return selects ? ports : []
  })
  return ({ name, containerPort }) => {
    const service = named.find(({ targetPort, port }) =>
      [containerPort, name].includes(targetPort ?? port),
    )
    const protocol = service?.appProtocol ?? service?.name?.split('-')[0] ?? name?.split('-')[0]
    return protocol !== undefined && !/^(http|https|http2|grpc|web|metrics)$/.test(protocol)
  }
}

function plainService(object: KubeObject): KubeObject {
  const {
    selector,
    ports = [],
    clusterIP,
  } = object.spec as {
    selector?: object
    ports?: readonly (ServicePort & { nodePort?: number })[]
    clusterIP?: string
  }
  return {
    ...object,
    spec: {
      ...(selector === undefined ? {} : { selector }),
      ports: ports.map(({ nodePort: _, ...port }) => port),
      ...(clusterIP === 'None' ? { clusterIP } : {}),
    },
  }
}

const isWaypoint = ({ spec }: KubeObject): boolean =>
  String((spec as { gatewayClassName?: string }).gatewayClassName).startsWith('istio-waypoint')

/** As somebody would write it: without what the API server and controllers have added. */
function withoutHistory({ apiVersion, kind, metadata, ...rest }: KubeObject): KubeObject {
  const { name, namespace, labels } = metadata
  const annotations = Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(([key]) => !key.startsWith('kubectl.')),
  )
  const { status: _, ...content } = rest
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    ...content,
  }
}
