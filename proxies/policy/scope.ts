import type { MeshIndex } from '../config/mesh-index.ts'
import type { AuthorizationPolicy, Workload } from '../config/mesh-state.ts'
import type { LocalWorkload } from '../config/process.ts'
import { evaluate, type PolicyInput, type Verdict } from './rbac.ts'

/** The policies a destination is under (istio/ztunnel src/state.rs); unknown names are skipped. */
export function policiesFor(index: MeshIndex, workload: Workload): readonly AuthorizationPolicy[] {
  const named = workload.authorizationPolicies
  return index.state.policies.filter((policy) => {
    if (policy.scope === 'Global') return true
    if (policy.scope === 'Namespace') return policy.namespace === workload.namespace
    return named?.includes(`${policy.namespace}/${policy.name}`) ?? false
  })
}

/** The name istiod gives the policy that PeerAuthentication STRICT becomes. */
const STRICT_POLICY = 'istio-system/istio_converted_static_strict'

/** May this connection enter? STRICT is a DENY on everybody without an identity. */
export function authorize(
  index: MeshIndex,
  workload: Workload,
  mtlsMode: LocalWorkload['mtlsMode'],
  input: PolicyInput,
): Verdict {
  if (mtlsMode === 'STRICT' && input.sourceIdentity === undefined) {
    return { allowed: false, policy: STRICT_POLICY, dryRun: [] }
  }
  return evaluate(policiesFor(index, workload), input)
}
