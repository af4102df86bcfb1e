import type { Pod, PodTemplate } from '../../cluster/kinds.ts'
import { type Attachment, selects, targetRefsOf } from '../../cluster/mesh/istio-objects.ts'
import { meshLabels } from '../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { itemsIn } from '../inventory/by-namespace.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { readable } from './mesh.ts'

/** `AuthorizationPolicy shop/deny-admin`: how an object is named wherever people read of it. */
export function nameOf({ kind, metadata }: Pick<KubeObject, 'kind' | 'metadata'>): string {
  const { name, namespace } = metadata
  return `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`
}

export interface Attachable extends KubeObject {
  spec?: Attachment
}

export interface Reach {
  readonly namespace: string
  readonly rootNamespace: string
  /** Labels of the namespace's pods and of its workloads' templates. */
  readonly pods: readonly Readonly<Record<string, string>>[]
}

export function reachOf(snapshot: Snapshot, namespace: string, rootNamespace: string): Reach {
  return { namespace, rootNamespace, pods: podLabels(snapshot, namespace) }
}

/**
 * Objects without targetRefs that reach pods of the namespace: its own, and those of the root namespace
 * unless they select others, as of a gateway there.
 */
export function reaching<T extends Attachable>(objects: readonly T[], reach: Reach): readonly T[] {
  return objects.filter((object) => {
    if (targetRefsOf(object.spec).length > 0) return false
    const { namespace } = object.metadata
    if (namespace === reach.namespace) return true
    if (namespace !== reach.rootNamespace) return false
    if (Object.keys(matchLabelsOf(object)).length === 0) return true
    return reach.pods.some((labels) => selects(object.spec, labels))
  })
}

export function matchLabelsOf(object: Attachable): Readonly<Record<string, string>> {
  return object.spec?.selector?.matchLabels ?? {}
}

/** Selects by the label that the injector puts on pods with a sidecar: no ztunnel enforces it. */
export function isForSidecarsOnly(object: Attachable): boolean {
  return matchLabelsOf(object)[meshLabels.tlsMode] === 'istio'
}

interface Templated extends KubeObject {
  spec?: { readonly template?: PodTemplate }
}

function podLabels(
  snapshot: Snapshot,
  namespace: string,
): readonly Readonly<Record<string, string>>[] {
  const pods = readable(() => itemsIn<Pod>(snapshot, 'pod', namespace))
  const templates = (['deployment', 'statefulSet', 'daemonSet'] as const).flatMap((kind) =>
    readable(() => itemsIn<Templated>(snapshot, kind, namespace)),
  )
  return [
    ...pods.map(({ metadata }) => metadata.labels ?? {}),
    ...templates.map(({ spec }) => spec?.template?.metadata?.labels ?? {}),
  ]
}
