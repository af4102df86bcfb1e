import type { Step } from '../../result/plan.ts'
import { readable } from '../mesh.ts'
import { blocksAmbient, hboneAllowance, type NetworkPolicy } from '../objects/network-policy.ts'
import type { Treated } from '../treated.ts'
import { type StepContext, step } from './context.ts'

/** S4: before any pod can be ambient. */
export function admitHbone(
  { snapshot, target, id }: StepContext,
  { taken }: Treated,
): readonly Step[] {
  const { namespace } = target
  const calls = blockingPolicies(snapshot, namespace)
    .map((policy) => ({ policy, name: `${policy.metadata.name}-ambient` }))
    // A former migration has admitted it.
    .filter(({ name }) => !taken.has(`NetworkPolicy/${name}`))
    .map(({ policy, name }) => hboneAllowance(policy, name, id))
  if (calls.length === 0) return []
  return [
    step({
      id: `S4/${namespace}`,
      phase: 'S4',
      title: `Admit HBONE and probes where NetworkPolicies of ${namespace} would drop them`,
      namespace,
      why: 'In ambient, traffic between pods comes to port 15008 and probes come from 169.254.7.127. The same peers as before are admitted.',
      calls,
      verify: [],
      takenBack: 'the NetworkPolicies we added are deleted',
    }),
  ]
}

/** Policies of the namespace that would drop HBONE or probes. */
export function blockingPolicies(
  snapshot: StepContext['snapshot'],
  namespace: string,
): readonly NetworkPolicy[] {
  return readable(() => snapshot.items<NetworkPolicy>('networkPolicy')).filter(
    (policy) => policy.metadata.namespace === namespace && blocksAmbient(policy).length > 0,
  )
}
