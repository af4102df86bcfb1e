import { accessChecks } from './access.ts'
import type { Check } from './check.ts'
import { controlPlaneChecks } from './control-plane.ts'
import { dataPlaneChecks } from './data-plane.ts'
import { disruptionChecks } from './disruption.ts'
import { gatewayApiChecks } from './gateway-api.ts'
import { namespaceChecks } from './namespace.ts'
import { networkChecks } from './network.ts'
import { observabilityChecks } from './observability.ts'
import { platformChecks } from './platforms.ts'
import { podChecks } from './pods.ts'
import { policyChecks } from './policy.ts'
import { routingChecks } from './routing.ts'
import { serviceChecks } from './services.ts'
import { sidecarSettingChecks } from './sidecar-settings.ts'
import { sidecarChecks } from './sidecars.ts'
import { templateChecks } from './templates.ts'
import { topologyChecks } from './topology.ts'
import { waypointChecks } from './waypoints.ts'

/** Every check there is, in the order of the ids. */
export const checks: readonly Check[] = [
  ...accessChecks,
  ...controlPlaneChecks,
  ...dataPlaneChecks,
  ...gatewayApiChecks,
  ...topologyChecks,
  ...namespaceChecks,
  ...sidecarChecks,
  ...podChecks,
  ...templateChecks,
  ...sidecarSettingChecks,
  ...disruptionChecks,
  ...observabilityChecks,
  ...policyChecks,
  ...routingChecks,
  ...networkChecks,
  ...platformChecks,
  ...serviceChecks,
  ...waypointChecks,
].toSorted((a, b) => (a.id < b.id ? -1 : 1))
