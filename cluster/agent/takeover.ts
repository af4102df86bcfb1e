import { wantsSidecar } from '../controllers/injection.ts'
import type { Pod } from '../kinds.ts'
import { isLabelledAmbient, meshAnnotations } from '../mesh-labels.ts'

/**
 * How far ambient has taken over from the sidecar of a running pod. In Istio such a pod keeps its
 * sidecar until something recreates it; here its sockets can move while it runs.
 *
 * - `leaving`: peers are told to use port 15008, which the ztunnel has unless the sidecar takes HBONE. All
 *   else is with the sidecar, since peers may still send it Istio's mutual TLS, which no ztunnel understands,
 *   and may not know yet of a waypoint that judges requests in the sidecar's place.
 * - `draining`: nobody does any more; the ztunnel has all sockets, the sidecar its old connections.
 * - `idle`: those have ended or been cut. The sidecar runs on without work until the next rollout.
 * - `returning`: back to the sidecar; the ztunnel keeps port 15008 until no peer uses it. Peers learn of it
 *   together: a ztunnel that still serves one of these pods could not speak to the sidecar of another.
 */
export type Takeover = 'leaving' | 'draining' | 'idle' | 'returning'

export function takeoverOf({ metadata }: Pod): Takeover | undefined {
  return metadata.annotations?.[meshAnnotations.takeover] as Takeover | undefined
}

/** It would be born in ambient today, and without a sidecar; it has one from before. */
export function wantsTakeover(
  pod: Pod,
  namespaceLabels: Readonly<Record<string, string>> | undefined,
): boolean {
  const { [meshAnnotations.sidecarStatus]: status, ...annotations } = pod.metadata.annotations ?? {}
  if (status === undefined || !isLabelledAmbient(pod.metadata.labels, namespaceLabels)) return false
  return !wantsSidecar({ ...pod, metadata: { ...pod.metadata, annotations } }, namespaceLabels)
}

export interface TakeoverFacts {
  readonly wanted: boolean
  /** Every pod of the namespace on the same way can be reached by HBONE and is by nothing else. */
  readonly announced: boolean
  /** The sidecar's last connections have ended. */
  readonly drained: boolean
  /** Sockets of every pod of the namespace on the same way are where this state wants them. */
  readonly settled: boolean
}

export function nextTakeover(
  state: Takeover | undefined,
  { wanted, announced, drained, settled }: TakeoverFacts,
): Takeover | undefined {
  switch (state) {
    case undefined:
      return wanted ? 'leaving' : undefined
    case 'leaving':
      if (!wanted) return 'returning'
      return announced ? 'draining' : 'leaving'
    case 'draining':
      if (!wanted) return 'returning'
      return drained ? 'idle' : 'draining'
    case 'idle':
      return wanted ? 'idle' : 'returning'
    case 'returning':
      if (wanted) return 'leaving'
      return settled ? undefined : 'returning'
  }
}
