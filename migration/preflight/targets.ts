import type { Container, Pod, PodTemplate } from '../../cluster/kinds.ts'
import { dataplaneOf, meshAnnotations, meshLabels } from '../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { itemsIn } from '../inventory/by-namespace.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { workloadOf } from '../inventory/workload-name.ts'

export function labelsOfNamespace(
  snapshot: Snapshot,
  name: string,
): Readonly<Record<string, string>> {
  const found = snapshot.items('namespace').find(({ metadata }) => metadata.name === name)
  return found?.metadata.labels ?? {}
}

/** Pods that run or will. */
export function podsIn(snapshot: Snapshot, namespace: string): readonly Pod[] {
  return itemsIn<Pod>(snapshot, 'pod', namespace).filter(isLive)
}

export function isLive({ status }: Pod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed'
}

/** Its sidecar stands between it and the network; one that was taken over live does not. */
export function hasSidecar({ metadata }: Pod): boolean {
  return dataplaneOf(metadata, undefined) === 'sidecar'
}

/** Anything an injector has added, whoever carries the pod's traffic now. */
export function wasInjected({ metadata }: Pod): boolean {
  return metadata.annotations?.[meshAnnotations.sidecarStatus] !== undefined
}

export function isOptedOut({ metadata }: Pick<KubeObject, 'metadata'>): boolean {
  return metadata.labels?.[meshLabels.dataplaneMode] === 'none'
}

/** Made by istiod for a Gateway: waypoints and gateways are no workloads of the namespace. */
export function isManagedGateway({ metadata }: Pick<KubeObject, 'metadata'>): boolean {
  return metadata.labels?.[meshLabels.gatewayName] !== undefined
}

/** `Deployment shop/cart` */
export function workloadName(pod: Pod): string {
  const { kind, name } = workloadOf(pod)
  return `${kind} ${pod.metadata.namespace}/${name}`
}

/** Pods by the workload they belong to, in the order they are found. */
export function byWorkload(pods: readonly Pod[]): ReadonlyMap<string, readonly Pod[]> {
  const groups = new Map<string, Pod[]>()
  for (const pod of pods) {
    const name = workloadName(pod)
    groups.set(name, [...(groups.get(name) ?? []), pod])
  }
  return groups
}

/** Whatever makes pods, with the template it makes them from. */
export interface Workload {
  /** `Deployment shop/cart` */
  readonly resource: string
  readonly kind: string
  readonly object: KubeObject
  readonly template: PodTemplate
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

interface Templated extends KubeObject {
  spec?: {
    readonly template?: PodTemplate
    readonly jobTemplate?: { readonly spec?: { readonly template?: PodTemplate } }
  }
}

/** Of the namespace's own making: not what istiod deploys for a Gateway there. */
export function workloadsIn(snapshot: Snapshot, namespace: string): readonly Workload[] {
  const kinds = ['deployment', 'statefulSet', 'daemonSet', 'job', 'cronJob'] as const
  const workloads = kinds.flatMap((kind) =>
    itemsIn<Templated>(snapshot, kind, namespace)
      // Jobs of a CronJob come and go with its template.
      .filter(({ metadata }) => !metadata.ownerReferences?.some(({ controller }) => controller))
      .flatMap((object) => {
        const template = object.spec?.template ?? object.spec?.jobTemplate?.spec?.template
        return template === undefined ? [] : [fromTemplate(object, template)]
      }),
  )
  return [...workloads, ...barePods(snapshot, namespace)].filter(
    ({ object }) => !isManagedGateway(object),
  )
}

function fromTemplate(object: KubeObject, template: PodTemplate): Workload {
  return {
    resource: `${object.kind} ${object.metadata.namespace}/${object.metadata.name}`,
    kind: object.kind,
    object,
    template,
    labels: template.metadata?.labels ?? {},
    annotations: template.metadata?.annotations ?? {},
  }
}

function barePods(snapshot: Snapshot, namespace: string): readonly Workload[] {
  // Without pods there are still the templates to judge.
  if (snapshot.source.from === 'files') return []
  return podsIn(snapshot, namespace)
    .filter(({ metadata }) => !metadata.ownerReferences?.some(({ controller }) => controller))
    .map((pod) => {
      const { labels = {}, annotations = {} } = pod.metadata
      // What the injector added is not the pod's own wish.
      const containers = pod.spec.containers.filter(({ name }) => name !== 'istio-proxy')
      const template = { metadata: { labels, annotations }, spec: { ...pod.spec, containers } }
      return fromTemplate(pod, wasInjected(pod) ? template : { ...template, spec: pod.spec })
    })
}

export function containersOf({ spec }: PodTemplate): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers]
}
