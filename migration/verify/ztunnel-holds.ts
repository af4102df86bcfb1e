import type { Pod } from '../../cluster/kinds.ts'
import { type AuthorizationPolicy, selects } from '../../cluster/mesh/istio-objects.ts'
import { convertForZtunnel } from '../../cluster/mesh/ztunnel-policy.ts'
import { labelsForZtunnel } from '../../cluster/mesh-labels.ts'
import type { ZtunnelDump } from '../inventory/ztunnel-dump.ts'
import { countOf, type Look, some, type VerifyContext } from './context.ts'
import { dumpsOf } from './dumps.ts'
import { isPlaced, podsIn } from './pods.ts'

/**
 * Whether the ztunnels of a policy's namespace have it as it is now, for the pods it is now for. What
 * istiod says of a policy is what it has read; this is what was sent and has arrived.
 */
export async function ztunnelsHold(
  context: Pick<VerifyContext, 'client' | 'signal'>,
  policy: AuthorizationPolicy,
): Promise<Look> {
  const pods = (await podsIn(context.client, policy.metadata.namespace ?? '')).pods.filter(isPlaced)
  const dumps = [...(await dumpsOf(context, pods)).values()].filter((one) => one !== undefined)
  const problems = dumps.flatMap((dump) => {
    const why = differenceIn(dump, policy, pods)
    return why === undefined ? [] : [`ztunnel ${dump.ztunnel.name} ${why}`]
  })
  if (problems.length > 0) return { missing: some(problems, 3) }
  // A node without a ztunnel enforces nothing there yet; S10 waits for one.
  if (dumps.length === 0) return { evidence: [] }
  const who = countOf(dumps.length, 'ztunnel has', 'ztunnels have')
  return { evidence: [`${who} it so, for the pods it selects`] }
}

/** Pure. How a ztunnel's copy of a policy is not what the policy says now. */
export function differenceIn(
  dump: ZtunnelDump,
  policy: AuthorizationPolicy,
  pods: readonly Pod[],
): string | undefined {
  const { name, namespace = '' } = policy.metadata
  const id = `${namespace}/${name}`
  const wanted = convertForZtunnel(policy).policy
  const held = dump.policy({ namespace, name })
  if (wanted === undefined) return held === undefined ? undefined : `still has ${id}`
  if (held === undefined) return `does not have ${id} yet`
  if (held.scope !== wanted.scope) return `has ${id} with the scope ${held.scope}`
  const absent = principalsOf(wanted.rules).find((one) => !held.rules.includes(one))
  if (absent !== undefined) return `has ${id} without ${absent}`
  const labels = Object.keys(policy.spec?.selector?.matchLabels ?? {})
  for (const { metadata } of pods) {
    const workload = dump.workload({ namespace: metadata.namespace ?? '', name: metadata.name })
    // Older ones know only the pods that somebody on their node has called.
    if (workload === undefined) continue
    const enforced = workload.authorizationPolicies.includes(id)
    const meant = labels.length > 0 && selects(policy.spec, labelsForZtunnel(metadata))
    if (enforced && !meant) return `still applies ${id} to ${metadata.name}`
    if (meant && !enforced) return `does not apply ${id} to ${metadata.name}`
  }
  return undefined
}

/** As text without wildcards, which is how they occur in whatever form a ztunnel dumps them. */
function principalsOf(rules: unknown): readonly string[] {
  const found: string[] = []
  JSON.stringify(rules, (key, value: unknown) => {
    if (/^(not)?principals$/i.test(key)) found.push(...texts(value))
    return value
  })
  return found
}

function texts(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value.replaceAll('*', '')].filter((one) => one !== '')
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(texts)
}
