import type { KubeObject } from '../../cluster/objects.ts'
import { generatorImage } from '../deploy/generator-image.ts'
import { generatorName } from '../deploy/names.ts'
import { fittedBudget, type Reduced } from './budgets.ts'
import { type PodTemplate, standInTemplate } from './stand-in-pods.ts'

/** A namespace as it can be rehearsed, and what that differs in from the original. */
export interface StandIns {
  readonly objects: readonly KubeObject[]
  readonly replaced: readonly string[]
  readonly leftOut: readonly string[]
}

const workloads = ['Deployment', 'StatefulSet', 'DaemonSet']

/** Kept word for word: they are what the rehearsal is about. */
const kept = [
  'ServiceAccount',
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
const silent = ['Namespace', 'ReplicaSet', 'Node', 'ConfigMap', 'Secret', 'Endpoints']

/** What of the mesh's root namespace holds for every other one. */
const meshWide = ['AuthorizationPolicy', 'PeerAuthentication', 'RequestAuthentication']

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
  const reduced: Reduced[] = []
  const own = all.filter(({ metadata }) => metadata.namespace === namespace)
  const services = own.filter(({ kind }) => kind === 'Service')
  const shared = all.filter(
    ({ kind, metadata }) => metadata.namespace === rootNamespace && meshWide.includes(kind),
  )

  const rehearsed = (object: KubeObject): KubeObject[] => {
    const { kind, metadata } = object
    const plain = withoutHistory(object)
    const omit = (why: string): KubeObject[] => {
      leftOut.push(`${kind} ${metadata.name}: ${why}`)
      return []
    }
    // What a controller makes comes with what it is made from.
    if (isOwned(object) || silent.includes(kind)) return []
    if (kind === 'ServiceAccount' && ['default', generatorName].includes(metadata.name)) return []
    if (workloads.includes(kind)) {
      if (isGenerator(object)) return omit('load of meshbench; the callers take its place')
      if (metadata.name === generatorName) return omit('its name is that of the caller inside')
      return [standIn(plain, services, { replaced, leftOut, reduced })]
    }
    if (kind === 'Service') {
      return (object.spec as { type?: string }).type === 'ExternalName'
        ? omit('type ExternalName is not rehearsed')
        : [plainService(plain)]
    }
    if (kind === 'Pod') return omit('a pod that no workload makes')
    if (kind === 'Gateway' && !isWaypoint(object)) return omit('ingress is not rehearsed')
    if (kind === 'PodDisruptionBudget' || kept.includes(kind)) return [plain]
    return omit('this kind is not rehearsed')
  }

  const objects = [...own, ...shared].flatMap(rehearsed)
  return {
    objects: objects.map((object) =>
      object.kind === 'PodDisruptionBudget' ? fittedBudget(object, reduced) : object,
    ),
    replaced,
    leftOut,
  }
}

const isOwned = ({ metadata }: KubeObject): boolean => (metadata.ownerReferences?.length ?? 0) > 0

function isGenerator({ spec }: KubeObject): boolean {
  const { template } = spec as { template: PodTemplate }
  return (template.spec?.containers ?? []).some(({ image }) => image === generatorImage)
}

interface Notes {
  readonly replaced: string[]
  readonly leftOut: string[]
  readonly reduced: Reduced[]
}

function standIn(
  object: KubeObject,
  services: readonly KubeObject[],
  { replaced, leftOut, reduced }: Notes,
): KubeObject {
  const name = `${object.kind} ${object.metadata.name}`
  const { template, selector, strategy, updateStrategy, serviceName, replicas } = object.spec as {
    replicas?: number
    selector?: unknown
    strategy?: unknown
    updateStrategy?: unknown
    serviceName?: string
    template: PodTemplate
  }
  const made = standInTemplate(template, object.metadata.name, services)
  if (made.images.length > 0) replaced.push(`${name}: ${made.images.join(', ')}`)
  for (const what of made.leftOut) leftOut.push(`${name}: ${what}`)
  const count = Math.min(replicas ?? 1, mostReplicas)
  if (replicas !== undefined && replicas > count) {
    leftOut.push(`${name}: ${replicas - count} of its ${replicas} replicas`)
    reduced.push({ labels: template.metadata?.labels ?? {}, replicas, kept: count })
  }
  return {
    ...object,
    spec: {
      ...(object.kind === 'DaemonSet' ? {} : { replicas: count }),
      ...(selector === undefined ? {} : { selector }),
      ...(strategy === undefined ? {} : { strategy }),
      ...(updateStrategy === undefined ? {} : { updateStrategy }),
      ...(serviceName === undefined ? {} : { serviceName }),
      template: made.template,
    },
  }
}

/** Without addresses and node ports, which the other cluster hands out anew. */
function plainService(object: KubeObject): KubeObject {
  const {
    selector,
    ports = [],
    clusterIP,
  } = object.spec as {
    selector?: object
    ports?: readonly { readonly nodePort?: number }[]
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
    Object.entries(metadata.annotations ?? {}).filter(
      ([key]) => !/^(kubectl|deployment|deprecated\.daemonset)\./.test(key),
    ),
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
