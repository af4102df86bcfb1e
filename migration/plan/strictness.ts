import type { PeerAuthentication, Pod, PodTemplate } from '../../cluster/kinds.ts'
import { mtlsOf } from '../../cluster/mesh/peer-authentication.ts'
import { systemNamespace } from '../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { itemsIn } from '../inventory/by-namespace.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { readable } from './mesh.ts'

interface Templated extends KubeObject {
  spec?: { readonly template?: PodTemplate }
}

/** Whether pods of a namespace refuse plaintext: `all` of them on all ports, `some`, or `none`. */
export function strictness(
  snapshot: Snapshot,
  namespace: string,
  rootNamespace: string,
): 'all' | 'some' | 'none' {
  const policies = readable(() => snapshot.items<PeerAuthentication>('peerAuthentication')).map(
    (policy) => (policy.metadata.namespace === rootNamespace ? atRoot(policy) : policy),
  )
  const labels = [
    ...readable(() => itemsIn<Pod>(snapshot, 'pod', namespace)).map(
      ({ metadata }) => metadata.labels,
    ),
    ...(['deployment', 'statefulSet', 'daemonSet'] as const).flatMap((kind) =>
      readable(() => itemsIn<Templated>(snapshot, kind, namespace)).map(
        ({ spec }) => spec?.template?.metadata?.labels,
      ),
    ),
  ]
  const modes = (labels.length === 0 ? [{}] : labels).map((own) =>
    mtlsOf(
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: '', namespace, ...(own && { labels: own }) },
        spec: { containers: [] },
      },
      policies,
    ),
  )
  const strict = modes.filter(
    ({ mode, exceptions }) => mode === 'STRICT' && exceptions.length === 0,
  )
  const any = modes.some(({ mode, exceptions }) => mode === 'STRICT' || exceptions.length > 0)
  if (strict.length === modes.length) return 'all'
  return any ? 'some' : 'none'
}

/** The root namespace may have another name than the one that `mtlsOf` knows. */
function atRoot(policy: PeerAuthentication): PeerAuthentication {
  return { ...policy, metadata: { ...policy.metadata, namespace: systemNamespace } }
}
