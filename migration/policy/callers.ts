import type { Namespace, Pod } from '../../cluster/kinds.ts'
import { meshLabels } from '../../cluster/mesh-labels.ts'
import { NotReadable, type Snapshot } from '../inventory/snapshot.ts'
import { hasIngress } from '../plan/ingress.ts'
import type { Intent, NamespaceIntent } from '../plan/intent.ts'
import { readable } from '../plan/mesh.ts'
import { hasEnded, hasSidecar } from '../plan/pods.ts'
import { strictness } from '../plan/strictness.ts'
import type { CallerClass } from './situation.ts'

/** Who there can be, before and once the namespaces have turned. What cannot be read is taken to exist. */
export function callersOf(
  snapshot: Snapshot,
  intent: Intent,
  { namespace, state }: NamespaceIntent,
  turned: boolean,
): readonly CallerClass[] {
  const ambientElsewhere = readable(() => snapshot.items<Namespace>('namespace')).some(
    ({ metadata }) => metadata.labels?.[meshLabels.dataplaneMode] === 'ambient',
  )
  const present: Readonly<Record<CallerClass, boolean>> = {
    ambient: turned || state === 'ambient' || state === 'mixed' || ambientElsewhere,
    sidecar: !turned || sidecarsCall(snapshot),
    'pod-address': true,
    plaintext: strictness(snapshot, namespace, intent.rootNamespace) !== 'all',
    ingress: hasIngress(snapshot),
  }
  return (Object.keys(present) as CallerClass[]).filter((one) => present[one])
}

/** Those that are taken over live call as sidecars until the last of them has handed over. */
function sidecarsCall(snapshot: Snapshot): boolean {
  try {
    return snapshot.items<Pod>('pod').some((pod) => hasSidecar(pod) && !hasEnded(pod))
  } catch (error) {
    if (error instanceof NotReadable) return true
    throw error
  }
}
