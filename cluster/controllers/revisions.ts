import { sameJson } from '../api/json.ts'
import type { Store } from '../api/store.ts'
import { type ControllerRevision, kinds, type Pod, type PodTemplate } from '../kinds.ts'
import type { KubeObject } from '../objects.ts'
import { hashSuffix, isOwnedBy, ownerReference, refOf } from './ownership.ts'

/** On pods, and on the revision their template is kept in. */
export const revisionLabel = 'controller-revision-hash'

const defaultHistory = 10

export interface RevisionedSet extends KubeObject {
  spec: { template: PodTemplate; revisionHistoryLimit?: number }
}

export interface Revision {
  /** `<set>-<hash>`. */
  readonly name: string
  readonly hash: string
}

/**
 * Keeps the templates that a DaemonSet or StatefulSet has had, each as the patch that brings it back,
 * for `kubectl rollout history` and `undo` (k8s.io/kubernetes pkg/controller/history). The current one
 * has the highest number, one that came back too.
 */
export function keepRevisions(store: Store, set: RevisionedSet, pods: readonly Pod[]): Revision {
  const { namespace = '', name } = set.metadata
  const kept = store
    .list<ControllerRevision>(kinds.controllerRevision, { namespace })
    .filter((revision) => isOwnedBy(revision, set))
    .sort((a, b) => a.revision - b.revision)
  const data = { spec: { template: { ...set.spec.template, $patch: 'replace' } } }
  const newest = kept.at(-1)
  const current = kept.find((revision) => sameJson(revision.data, data))
  if (current === undefined) {
    const hash = hashSuffix(set.spec.template)
    const labels = { ...set.spec.template.metadata?.labels, [revisionLabel]: hash }
    const metadata = { namespace, labels, ownerReferences: [ownerReference(set)] }
    store.create<ControllerRevision>({
      ...kinds.controllerRevision,
      metadata: { ...metadata, name: `${name}-${hash}` },
      data,
      revision: (newest?.revision ?? 0) + 1,
    })
    forget(store, set, kept, pods)
    return { name: `${name}-${hash}`, hash }
  }
  if (current !== newest) {
    const revision = (newest?.revision ?? 0) + 1
    store.mutate<ControllerRevision>(refOf(current), (found) => ({ ...found, revision }))
  }
  return { name: current.metadata.name, hash: hashOf(current) }
}

/** The oldest beyond the limit that no pod is of. */
function forget(
  store: Store,
  { spec }: RevisionedSet,
  kept: readonly ControllerRevision[],
  pods: readonly Pod[],
): void {
  const inUse = new Set(pods.map(({ metadata }) => metadata.labels?.[revisionLabel]))
  const unused = kept.filter(
    (revision) => !inUse.has(hashOf(revision)) && !inUse.has(revision.metadata.name),
  )
  const surplus = unused.length - (spec.revisionHistoryLimit ?? defaultHistory)
  for (const revision of unused.slice(0, Math.max(surplus, 0))) store.delete(refOf(revision))
}

function hashOf({ metadata }: ControllerRevision): string {
  return metadata.labels?.[revisionLabel] ?? ''
}
