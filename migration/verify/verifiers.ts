import type { Verification } from '../result/plan.ts'
import type { Verifier } from './context.ts'
import { verifyConverted } from './converted.ts'
import { verifyGatewayReady } from './gateway-ready.ts'
import { verifyLabels } from './labels.ts'
import { verifyNoInjection } from './no-injection.ts'
import { verifyPodsCaptured } from './pods-captured.ts'
import { verifyPodsUnchanged } from './pods-unchanged.ts'
import { verifyPolicyAccepted } from './policy-accepted.ts'
import { verifyProbe } from './probe.ts'
import { verifyRolledOut } from './rolled-out.ts'
import { verifySidecarsTakeHbone } from './sidecars-take-hbone.ts'
import { verifyTrafficHolds } from './traffic-holds.ts'
import { verifyWaypointBound } from './waypoint-bound.ts'
import { verifyZtunnelCarries } from './ztunnel-carries.ts'
import { verifyZtunnelServes } from './ztunnel-serves.ts'

export const verifiers: Readonly<Record<Verification['check'], Verifier>> = {
  labels: verifyLabels,
  'gateway-ready': verifyGatewayReady,
  'waypoint-bound': verifyWaypointBound,
  'policy-accepted': verifyPolicyAccepted,
  'pods-captured': verifyPodsCaptured,
  'ztunnel-serves': verifyZtunnelServes,
  'ztunnel-carries': verifyZtunnelCarries,
  probe: verifyProbe,
  'pods-unchanged': verifyPodsUnchanged,
  'no-injection': verifyNoInjection,
  'rolled-out': verifyRolledOut,
  converted: verifyConverted,
  'sidecars-take-hbone': verifySidecarsTakeHbone,
  'traffic-holds': verifyTrafficHolds,
}
