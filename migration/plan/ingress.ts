import type { Gateway } from '../../cluster/kinds.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { readable } from './mesh.ts'

/** Gateways through which requests come into the mesh. */
export function hasIngress(snapshot: Snapshot): boolean {
  return (
    readable(() => snapshot.items('istioGateway')).length > 0 ||
    readable(() => snapshot.items<Gateway>('gateway')).some(
      ({ spec }) => !/waypoint/.test(spec.gatewayClassName),
    )
  )
}
