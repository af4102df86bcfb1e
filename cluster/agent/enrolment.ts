import type { Store } from '../api/store.ts'
import { refOf } from '../controllers/ownership.ts'
import type { ClusterView } from '../controllers/view.ts'
import type { Pod } from '../kinds.ts'
import { dataplaneOf, meshAnnotations } from '../mesh-labels.ts'

export interface EnrolmentContext {
  readonly store: Store
  readonly view: ClusterView
}

/**
 * Keeps the annotation that says whether ambient has a pod: `pending` for one that is captured from
 * its first moment, `enabled` when its node's ztunnel serves all its sockets, none when the
 * application does. Status, not intent: nothing but this writes it.
 */
export function noteEnrolment(
  pod: Pod,
  servedBy: 'app' | 'proxy' | 'starting' | undefined,
  { store, view }: EnrolmentContext,
): void {
  const { labels, annotations, namespace = 'default' } = pod.metadata
  // A pod with a sidecar is taken over by takeovers.ts or not at all.
  if (annotations?.[meshAnnotations.sidecarStatus] !== undefined) return
  const before = annotations?.[meshAnnotations.redirection]
  const dataplane = dataplaneOf(
    { labels, annotations, hostNetwork: pod.spec.hostNetwork ?? false },
    view.namespaces.get(namespace)?.metadata.labels,
  )
  let after = before
  if (dataplane === 'ambient') {
    if (servedBy === 'proxy') after = 'enabled'
    else if (servedBy === 'starting') after = 'pending'
  } else if (servedBy === 'app' || servedBy === 'starting') after = undefined
  if (after === before) return
  store.mutate<Pod>(refOf(pod), (current) => {
    if (current.metadata.uid !== pod.metadata.uid) return undefined
    const { [meshAnnotations.redirection]: _, ...others } = current.metadata.annotations ?? {}
    const kept = after === undefined ? others : { ...others, [meshAnnotations.redirection]: after }
    return { ...current, metadata: { ...current.metadata, annotations: kept } }
  })
}
