import type { Service, Workload } from '../config/mesh-state.ts'
import type { Labels } from './registry.ts'

export type Reporter = 'source' | 'destination' | 'waypoint'

/** The two ends of a connection or request as far as the reporting proxy knows them. */
export interface Peers {
  readonly source: Workload | undefined
  /** Proven by mutual TLS only. */
  readonly sourceIdentity: string | undefined
  readonly destination: Workload | undefined
  readonly destinationIdentity: string | undefined
  readonly service: Service | undefined
}

const UNKNOWN = 'unknown'

/** Labels common to all of Istio's standard metrics, https://istio.io/latest/docs/reference/config/metrics/ */
export function peerLabels(reporter: Reporter, peers: Peers): Labels {
  return {
    reporter,
    ...side('source', peers.source, peers.sourceIdentity),
    ...side('destination', peers.destination, peers.destinationIdentity),
    destination_service: peers.service?.hostname ?? UNKNOWN,
    destination_service_namespace: peers.service?.namespace ?? UNKNOWN,
    destination_service_name: peers.service?.name ?? UNKNOWN,
  }
}

function side(
  prefix: 'source' | 'destination',
  workload: Workload | undefined,
  identity: string | undefined,
): Labels {
  const name = workload?.canonicalName || UNKNOWN
  const revision = workload?.canonicalRevision || (workload ? 'latest' : UNKNOWN)
  return {
    [`${prefix}_workload`]: workload?.workloadName || workload?.name || UNKNOWN,
    [`${prefix}_canonical_service`]: name,
    [`${prefix}_canonical_revision`]: revision,
    [`${prefix}_workload_namespace`]: workload?.namespace || UNKNOWN,
    [`${prefix}_principal`]: identity ?? UNKNOWN,
    [`${prefix}_app`]: name,
    [`${prefix}_version`]: revision,
    [`${prefix}_cluster`]: workload?.clusterId || (workload ? 'Kubernetes' : UNKNOWN),
  }
}
