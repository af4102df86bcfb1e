import { meshLabels } from '../../../cluster/mesh-labels.ts'
import { guardedPolicies } from '../../policy/bypass-guard.ts'
import { type Backed, backedServices } from '../../policy/waypoint-targets.ts'
import type { Call, Requirement, Step } from '../../result/plan.ts'
import { canonical } from '../digest.ts'
import type { Treated } from '../treated.ts'
import {
  migrationLabel,
  namespaceRef,
  probing,
  type StepContext,
  step,
  unchangedPods,
} from './context.ts'
import { accepted, principalOf } from './policies.ts'

const policy = { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy' } as const
const watchedMs = 10_000

export type Selector = Readonly<Record<string, string>>

/** Services whose pods are to be reached through the waypoint only, by what they select. */
export function guardedServices({ snapshot, target }: StepContext): readonly Backed[] {
  const all = backedServices(snapshot, target.namespace)
  const headless = all.filter(({ service }) => service.spec.clusterIP === 'None')
  return all.filter(({ service, pods }) => {
    const { metadata, spec } = service
    const selector = spec.selector ?? {}
    const reached = spec.clusterIP !== 'None' && spec.type !== 'ExternalName'
    const bound = metadata.labels?.[meshLabels.useWaypoint] !== 'none'
    // Whoever comes by a headless service addresses pods.
    const addressed = pods.some((labels) =>
      headless.some((one) => one.pods.some((own) => canonical(own) === canonical(labels))),
    )
    return Object.keys(selector).length > 0 && reached && bound && !addressed
  })
}

/**
 * S13, only with --protect-from-bypass: pods take connections from the waypoint alone. By selector, for
 * ztunnels: with targetRefs the waypoint itself would refuse everybody.
 */
export function protectFromBypass(context: StepContext, { taken }: Treated): readonly Step[] {
  const { intent, target, id } = context
  const { namespace, waypoint } = target
  if (intent.options.protectFromBypass !== true || waypoint === undefined) return []
  const through = principalOf(intent.trustDomain, namespace, waypoint.serviceAccount)
  const { principals, ports } = exceptions(context)
  const known = new Set(guardedPolicies(context.snapshot, namespace, through))
  const used = new Set(taken)
  const guards = distinctSelectors(guardedServices(context))
    .filter(({ selector }) => !known.has(canonical(selector)))
    .map(({ service, selector }) => {
      const name = freeName(`${service.metadata.name}-only-${waypoint.name}`, used)
      const call: Call = {
        verb: 'apply',
        ref: { ...policy, name, namespace },
        body: {
          ...policy,
          metadata: { name, namespace, labels: { [migrationLabel]: id } },
          spec: {
            selector: { matchLabels: selector },
            action: 'DENY',
            rules: [
              {
                from: [{ source: { notPrincipals: [through, ...principals] } }],
                ...(ports.length > 0 && { to: [{ operation: { notPorts: ports } }] }),
              },
            ],
          },
        },
      }
      return { call, service, selector }
    })
  if (guards.length === 0) return []
  const { accept } = intent.options
  const plaintext = accept.includes('MB083') || accept.includes('MB083=plaintext')
  const except = [...principals, ...(plaintext ? ['plaintext'] : [])]
  return [
    step({
      id: `S13/${namespace}`,
      phase: 'S13',
      title: `Let pods of ${namespace} be reached through the waypoint ${waypoint.name} only`,
      namespace,
      why: `Callers that address a pod, have a sidecar or are in no mesh go past the waypoint and its policies. From here on ztunnels refuse them${exceptionsInWords(principals, ports)}. As long as such callers are seen this step is skipped, and \`migrate apply\` finishes it later.`,
      requires: [
        { check: 'no-sidecars', namespace },
        { check: 'waypoint-bound', ref: namespaceRef(namespace) },
        { check: 'callers-come-through', namespace, ...(except.length > 0 && { except }) },
        ...guards.map(
          ({ service, selector }): Requirement => ({
            check: 'unchanged',
            ref: { apiVersion: 'v1', kind: 'Service', name: service.metadata.name, namespace },
            fields: { 'spec.selector': selector },
          }),
        ),
      ],
      calls: guards.map(({ call }) => call),
      verify: [
        ...guards.map(({ call }) => accepted(call.ref, 'ZtunnelAccepted')),
        { check: 'traffic-holds', namespace, timeoutMs: watchedMs },
        ...probing(context),
        unchangedPods(namespace),
      ],
      takenBack: 'the policies are deleted, as long as they are ours',
    }),
  ]
}

/** Of --allow-bypass: `monitoring/prometheus`, `port:9090`. */
export function exceptions({ intent }: Pick<StepContext, 'intent'>): {
  readonly principals: readonly string[]
  readonly ports: readonly string[]
} {
  const { allowBypass = [] } = intent.options
  const ports = allowBypass.flatMap((one) => (one.startsWith('port:') ? [one.slice(5)] : []))
  const principals = allowBypass
    .filter((one) => !one.startsWith('port:'))
    .map((one) => {
      const [namespace = '', account = ''] = one.split('/')
      return principalOf(intent.trustDomain, namespace, account)
    })
  return { principals, ports }
}

function exceptionsInWords(principals: readonly string[], ports: readonly string[]): string {
  const all = [...principals, ...ports.map((port) => `callers of port ${port}`)]
  return all.length === 0 ? '' : `, but for ${all.join(', ')}`
}

function distinctSelectors(
  services: readonly Backed[],
): readonly (Backed & { readonly selector: Selector })[] {
  const known = new Map(
    services.map((one) => {
      const selector = one.service.spec.selector ?? {}
      return [canonical(selector), { ...one, selector }] as const
    }),
  )
  return [...known.values()]
}

function freeName(wanted: string, used: Set<string>): string {
  for (let at = 1; ; at++) {
    const name = at === 1 ? wanted : `${wanted}-${at}`
    if (used.has(`${policy.kind}/${name}`)) continue
    used.add(`${policy.kind}/${name}`)
    return name
  }
}
