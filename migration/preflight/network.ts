import type { Pod } from '../../cluster/kinds.ts'
import { meshAnnotations, meshLabels } from '../../cluster/mesh-labels.ts'
import { itemsIn } from '../inventory/by-namespace.ts'
import { NotReadable, type Snapshot } from '../inventory/snapshot.ts'
import type { Check, CheckContext, CheckFinding } from './check.ts'
import { blocker, counted, finding } from './finding.ts'
import { links } from './links.ts'
import {
  admitHbonePatch,
  admitsAddress,
  admitsPort,
  type Direction,
  isForOutsiders,
  isMadeUpFor,
  isolates,
  lacksHbone,
  meansNamespace,
  type NetworkPolicy,
  PROBE_ADDRESS,
  peersOf,
  type Rule,
  rulesOf,
  selectsPod,
} from './network-rules.ts'
import { kubectlPatch } from './patches.ts'
import { usesCilium } from './platforms.ts'
import { probePorts } from './probe-ports.ts'
import { hasSidecar, labelsOfNamespace, podsIn, workloadsIn } from './targets.ts'

type Labels = Readonly<Record<string, string>>

const admitHbone: Check = {
  id: 'MB070',
  title: 'NetworkPolicies admit HBONE on port 15008',
  link: links.networkPolicy,
  evaluate: (context) =>
    context.intent.options.namespaces.flatMap((namespace) => [
      ...ownPolicies(context, namespace, 'ingress'),
      ...ownPolicies(context, namespace, 'egress'),
      ...peersPolicies(context, namespace),
    ]),
}

/** Of the namespace itself: whoever is admitted to its pods, and wherever they may go. */
function ownPolicies(
  { snapshot }: CheckContext,
  namespace: string,
  direction: Direction,
): readonly CheckFinding[] {
  const policies = policiesIn(snapshot, namespace).filter((one) => isolates(one, direction))
  const labels = workloadsIn(snapshot, namespace).map((workload) => workload.labels)
  return policies.flatMap((policy) => {
    const selected = labels.filter((one) => selectsPod(policy, one))
    const short = rulesOf(policy, direction).flatMap((rule, index) =>
      lacksHbone(rule) &&
      !isForOutsiders(rule, direction) &&
      selected.some((one) => !isMadeUpFor(rule, rulesFor(policies, one, direction), direction))
        ? [index]
        : [],
    )
    if (short.length === 0) return []
    const effect =
      direction === 'ingress'
        ? 'ambient peers reach these pods there, and would be dropped'
        : 'these pods send there once they are ambient, and would be dropped'
    const found = shortPolicy(policy, namespace, direction, short, effect)
    // Not the user's to do: S4 adds a policy for the same pods.
    return [{ ...found, severity: 'info', reason: `${found.reason}; step S4 admits it` }]
  })
}

function rulesFor(
  policies: readonly NetworkPolicy[],
  labels: Labels,
  direction: Direction,
): readonly Rule[] {
  return policies
    .filter((policy) => selectsPod(policy, labels))
    .flatMap((policy) => rulesOf(policy, direction))
}

function shortPolicy(
  { metadata }: NetworkPolicy,
  namespace: string,
  direction: Direction,
  indexes: readonly number[],
  effect: string,
): CheckFinding {
  const { name, namespace: home = '' } = metadata
  const rules = `${direction} rule${indexes.length === 1 ? '' : 's'} ${indexes.map((index) => index + 1).join(', ')}`
  const ref = { kind: 'NetworkPolicy', name, namespace: home }
  return blocker(
    {
      resource: `NetworkPolicy ${home}/${name}`,
      namespace,
      reason: `Its ${rules} list ports without TCP 15008: ${effect}`,
      remedy: kubectlPatch(ref, admitHbonePatch(direction, indexes), 'json'),
    },
    true,
  )
}

/** Of others: what their pods may send to the namespace, and what it may send to pods that take HBONE. */
function peersPolicies(context: CheckContext, namespace: string): readonly CheckFinding[] {
  const { snapshot, intent } = context
  const labels = {
    'kubernetes.io/metadata.name': namespace,
    ...labelsOfNamespace(snapshot, namespace),
  }
  const callers = callingNamespaces(context, namespace)
  const foreign = snapshot
    .items<NetworkPolicy>('networkPolicy')
    .filter(({ metadata }) => !intent.options.namespaces.includes(metadata.namespace ?? ''))
  return foreign.flatMap((policy) => {
    const home = policy.metadata.namespace ?? ''
    const isMeant = (rule: Rule, direction: Direction): boolean => {
      const peers = peersOf(rule, direction)
      if (peers.length === 0) return callers.has(home)
      return peers.some((peer) => {
        const { means, specific } = meansNamespace(peer, labels)
        return means && (specific || callers.has(home))
      })
    }
    const short = (direction: Direction): readonly number[] =>
      isolates(policy, direction)
        ? rulesOf(policy, direction).flatMap((rule, index) =>
            lacksHbone(rule) &&
            isMeant(rule, direction) &&
            !isMadeUpFor(rule, rulesOf(policy, direction), direction)
              ? [index]
              : [],
          )
        : []
    const out = short('egress')
    const into = takeHbone(snapshot, policy) ? short('ingress') : []
    return [
      ...(out.length > 0
        ? [shortPolicy(policy, namespace, 'egress', out, `pods of ${home} call ${namespace} there`)]
        : []),
      ...(into.length > 0
        ? [
            shortPolicy(
              policy,
              namespace,
              'ingress',
              into,
              `ambient pods of ${namespace} call there`,
            ),
          ]
        : []),
    ]
  })
}

/** Known only where proxies have counted; without them specific rules still tell. */
function callingNamespaces({ snapshot }: CheckContext, namespace: string): ReadonlySet<string> {
  try {
    return new Set(snapshot.probes.callers(namespace).map((caller) => caller.namespace))
  } catch (error) {
    if (error instanceof NotReadable) return new Set()
    throw error
  }
}

/** Whether pods behind a policy are ambient, or sidecars that accept HBONE. */
function takeHbone(snapshot: Snapshot, policy: NetworkPolicy): boolean {
  if (snapshot.source.from === 'files') return false
  return podsIn(snapshot, policy.metadata.namespace ?? '').some(
    (pod: Pod) =>
      selectsPod(policy, pod.metadata.labels ?? {}) &&
      (pod.metadata.annotations?.[meshAnnotations.redirection] === 'enabled' ||
        (hasSidecar(pod) && pod.metadata.labels?.[meshLabels.tunnel] === 'http')),
  )
}

function policiesIn(snapshot: Snapshot, namespace: string): readonly NetworkPolicy[] {
  return itemsIn<NetworkPolicy>(snapshot, 'networkPolicy', namespace)
}

const admitProbes: Check = {
  id: 'MB071',
  title: 'NetworkPolicies admit the kubelet’s probes',
  link: links.networkPolicy,
  evaluate: ({ snapshot, intent }) =>
    intent.options.namespaces.flatMap((namespace) => {
      const policies = policiesIn(snapshot, namespace).filter((one) => isolates(one, 'ingress'))
      if (policies.length === 0) return []
      const cilium = usesCilium(snapshot)
      const allowed = cilium && ciliumAdmitsProbes(snapshot)
      return workloadsIn(snapshot, namespace).flatMap(({ resource, labels, template }) => {
        const isolating = policies.filter((policy) => selectsPod(policy, labels))
        const ports = probePorts(template)
        if (isolating.length === 0 || ports.length === 0 || allowed) return []
        const rules = isolating.flatMap((policy) => rulesOf(policy, 'ingress'))
        const shut = ports.filter(
          (port) =>
            !rules.some((rule) => admitsAddress(rule, PROBE_ADDRESS) && admitsPort(rule, port)),
        )
        // Cilium takes the address for a part of the host, which blocks of addresses do not match.
        if (shut.length === 0 && !cilium) return []
        return [
          finding(cilium ? 'blocker' : 'info', {
            resource,
            namespace,
            reason: `Probes on port ${(cilium ? ports : shut).join(', ')} come from ${PROBE_ADDRESS} (v6: fd16:9254:7127:1337:ffff:ffff:ffff:ffff) once its pods are ambient, and ${counted(isolating.length, 'policy', 'policies')} ${isolating.length === 1 ? 'does' : 'do'} not admit that`,
            remedy: cilium
              ? `Create a CiliumClusterwideNetworkPolicy that admits ${PROBE_ADDRESS}/32 to all pods`
              : `None needed: step S4 admits ${PROBE_ADDRESS}/32 to the pods that the policies select`,
          }),
        ]
      })
    }),
}

function ciliumAdmitsProbes(snapshot: Snapshot): boolean {
  return snapshot
    .items('ciliumClusterwideNetworkPolicy')
    .some(({ spec, specs }) => JSON.stringify([spec, specs]).includes(PROBE_ADDRESS))
}

export const networkChecks: readonly Check[] = [admitHbone, admitProbes]
