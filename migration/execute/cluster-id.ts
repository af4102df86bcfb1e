import type { ClusterClient } from '../../cluster/client/types.ts'
import { ClusterError } from '../../cluster/errors.ts'
import { kinds, type Namespace } from '../../cluster/kinds.ts'

/** UID of the namespace kube-system: a cluster's name for itself. Whoever may not read it goes without. */
export async function clusterId(reader: ClusterClient): Promise<string | undefined> {
  const ref = { ...kinds.namespace, name: 'kube-system' }
  const home = await reader.get<Namespace>(ref).catch((error: unknown) => {
    if (error instanceof ClusterError && error.status === 403) return undefined
    throw error
  })
  return home?.metadata.uid
}
