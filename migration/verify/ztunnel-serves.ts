import { isNotFound } from '../../cluster/errors.ts'
import type { Pod } from '../../cluster/kinds.ts'
import { type AuthorizationPolicy, selects } from '../../cluster/mesh/istio-objects.ts'
import { convertForZtunnel } from '../../cluster/mesh/ztunnel-policy.ts'
import { labelsForZtunnel } from '../../cluster/mesh-labels.ts'
import { inventoryKinds } from '../inventory/kinds.ts'
import type { ZtunnelDump } from '../inventory/ztunnel-dump.ts'
import {
  countOf,
  namespaceOf,
  some,
  untilProved,
  type Verifier,
  type VerifyContext,
} from './context.ts'
import { dumpsOf } from './dumps.ts'
import { isPlaced, membershipOf, podsIn } from './pods.ts'

/**
 * L2 and L3: what the ztunnel of a pod's own node has been told of it, and that it serves it. The
 * protocol alone proves nothing: sidecars that understand HBONE have it too (istio/istio#52527).
 */
export const verifyZtunnelServes: Verifier = (verification, context) => {
  const namespace = namespaceOf(verification)
  return untilProved(context, async () => {
    const { labels, pods } = await podsIn(context.client, namespace)
    const captured = pods.filter(
      (pod) => isPlaced(pod) && membershipOf(pod, labels, context.liveTakeover) === 'ambient',
    )
    if (captured.length === 0) {
      return { evidence: [`no pod of ${namespace} is captured, so no ztunnel serves one`] }
    }
    const [dumps, policies] = await Promise.all([
      dumpsOf(context, captured),
      selectorPolicies(context, namespace),
    ])
    const problems = captured.flatMap((pod) => {
      const why = problemOf(pod, dumps.get(pod.spec.nodeName ?? ''), policies)
      return why === undefined ? [] : [`${pod.metadata.name}: ${why}`]
    })
    if (problems.length > 0) return { missing: some(problems, 3) }
    const ztunnels = [...dumps.values()].filter((dump) => dump !== undefined).length
    const attached =
      policies.length > 0
        ? `, with ${countOf(policies.length, 'policy', 'policies')} for selected pods`
        : ''
    return {
      evidence: [
        `${countOf(ztunnels, 'ztunnel serves', 'ztunnels serve')} ${countOf(captured.length, 'pod')} of ${ztunnels === 1 ? 'its node' : 'their nodes'} as HBONE, state Up${attached}`,
      ],
    }
  })
}

function problemOf(
  { metadata, spec }: Pod,
  dump: ZtunnelDump | undefined,
  policies: readonly AuthorizationPolicy[],
): string | undefined {
  if (dump === undefined) return `node ${spec.nodeName} has no ready ztunnel`
  const { name, namespace = '', uid = '' } = metadata
  const labels = labelsForZtunnel(metadata)
  const by = `ztunnel ${dump.ztunnel.name}`
  const workload = dump.workload({ namespace, name })
  if (workload === undefined) return `${by} does not know it`
  if (workload.protocol !== 'HBONE') return `${by} has it as ${workload.protocol}`
  if (workload.nativeTunnel) return `${by} has it as a sidecar's HBONE, not as a capture`
  const state = dump.state({ namespace, name, uid })
  if (state !== 'Up') return `${by} has it as ${state ?? 'not its own'}`
  const missing = policies
    .filter(({ spec }) => selects(spec, labels))
    .map((policy) => `${policy.metadata.namespace}/${policy.metadata.name}`)
    .filter((policy) => !workload.authorizationPolicies.includes(policy))
  return missing.length > 0 ? `${by} does not enforce ${missing.join(', ')}` : undefined
}

/** Those that a ztunnel gets for single pods; the ones of whole namespaces it names nowhere. */
async function selectorPolicies(
  { client }: VerifyContext,
  namespace: string,
): Promise<readonly AuthorizationPolicy[]> {
  const { authorizationPolicy } = inventoryKinds
  const policies = await client
    .list<AuthorizationPolicy>(authorizationPolicy, { namespace })
    .catch((error: unknown) => {
      if (isNotFound(error)) return []
      throw error
    })
  return policies.filter((policy) => {
    const labels = Object.keys(policy.spec?.selector?.matchLabels ?? {})
    return labels.length > 0 && convertForZtunnel(policy).policy !== undefined
  })
}
