import {
  type Attachment,
  type DestinationRule,
  type HttpRoute,
  parentsOf,
  selects,
  targetRefsOf,
  type VirtualService,
} from '../../cluster/mesh/istio-objects.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { isHostOf, isMeshRouteTo } from '../plan/needs-l7.ts'
import { type Attachable, nameOf, reachOf } from '../plan/selection.ts'
import type { Check, CheckContext, CheckFinding } from './check.ts'
import { blocker, info, warning } from './finding.ts'
import { links } from './links.ts'

type Target = CheckContext['intent']['namespaces'][number]
type Evaluate = (context: CheckContext) => readonly CheckFinding[]

function each(judge: (target: Target, context: CheckContext) => readonly CheckFinding[]): Evaluate {
  return (context) => context.intent.namespaces.flatMap((target) => judge(target, context))
}

/** Says things about clients, which a waypoint does not know or Istio drops there. */
const clientSide = /"(sourceLabels|sourceNamespace|fault|mirror|mirrors)":/

const virtualServices = each(({ namespace, waypoint }, { snapshot }) =>
  snapshot
    .items<VirtualService>('virtualService')
    .filter((object) => isMeshRouteTo(object, namespace))
    .map((object) => {
      const parts = [...JSON.stringify(object.spec ?? {}).matchAll(new RegExp(clientSide, 'g'))]
      const names = [...new Set(parts.map(([, name]) => name))].join(', ')
      const text = {
        resource: nameOf(object),
        namespace,
        reason:
          names === ''
            ? `Sidecars of the callers apply it; in ambient ${waypoint ? 'a waypoint does, which is Alpha' : 'nobody does'}`
            : `Its ${names} end with the sidecars of the callers, or mean something else at a waypoint`,
        remedy:
          names === ''
            ? 'Write it as an HTTPRoute with the Service as parent'
            : 'Write an HTTPRoute for what it can say, and do without the rest',
      }
      return names === '' ? warning(text) : blocker(text, true)
    }),
)

const twoRoutes = each(({ namespace }, { snapshot }) => {
  const routed = new Set(
    snapshot.items<HttpRoute>('httpRoute').flatMap((route) =>
      parentsOf(route)
        .filter(({ kind }) => kind === 'Service')
        .filter((ref) => (ref.namespace ?? route.metadata.namespace) === namespace)
        .map(({ name }) => name),
    ),
  )
  return snapshot
    .items<VirtualService>('virtualService')
    .filter((object) => isMeshRouteTo(object, namespace))
    .flatMap((object) => {
      const hosts = (object.spec?.hosts ?? []).map((host) => host.split('.')[0] ?? '')
      const shared = hosts.filter((host) => routed.has(host))
      if (shared.length === 0) return []
      return [
        blocker(
          {
            resource: nameOf(object),
            namespace,
            reason: `An HTTPRoute is for Service ${shared.join(', ')} too: a waypoint applies that and ignores the VirtualService`,
            remedy: 'Keep one of them',
          },
          true,
        ),
      ]
    })
})

const rules = (
  judge: (rule: DestinationRule, target: Target) => readonly CheckFinding[],
): Evaluate =>
  each((target, { snapshot }) =>
    snapshot
      .items<DestinationRule>('destinationRule')
      .filter((rule) => isHostOf(rule.spec?.host ?? '', rule, target.namespace))
      .flatMap((rule) => judge(rule, target)),
  )

const ignoredRules = rules((rule, { namespace, waypoint }) =>
  waypoint !== undefined
    ? []
    : [
        warning({
          resource: nameOf(rule),
          namespace,
          reason: 'Without a waypoint nobody applies it to ambient clients, and nobody says so',
          remedy: 'Plan with --waypoint always, if its settings matter',
        }),
      ],
)

const tlsRules = rules((rule, { namespace }) => {
  const policies = [
    rule.spec?.trafficPolicy,
    ...(rule.spec?.subsets ?? []).map((one) => one.trafficPolicy),
  ]
  const modes = policies.flatMap((policy) => policy?.tls?.mode ?? [])
  const own = modes.filter((mode) => mode !== 'ISTIO_MUTUAL')
  if (own.length === 0) return []
  return [
    warning({
      resource: nameOf(rule),
      namespace,
      reason: `Its TLS mode ${[...new Set(own)].join(', ')} runs inside the tunnel in ambient, or not at all`,
      remedy: 'Check what the server expects once the mesh encrypts by itself',
    }),
  ]
})

interface Selecting extends KubeObject {
  spec?: Attachment & { readonly workloadSelector?: { readonly labels?: Record<string, string> } }
}

const envoyFilters = each(({ namespace }, { snapshot, intent }) => {
  const { pods } = reachOf(snapshot, namespace, intent.rootNamespace)
  return snapshot
    .items<Selecting>('envoyFilter')
    .filter(({ metadata, spec }) => {
      if (targetRefsOf(spec).length > 0) return false
      if (metadata.namespace === namespace) return true
      if (metadata.namespace !== intent.rootNamespace) return false
      const wanted = spec?.workloadSelector?.labels ?? {}
      const everyone = Object.keys(wanted).length === 0
      return everyone || pods.some((own) => selects({ selector: { matchLabels: wanted } }, own))
    })
    .map((filter) =>
      blocker(
        {
          resource: nameOf(filter),
          namespace,
          reason:
            'Ambient pods have no Envoy, and no waypoint is selected by it: it is dropped without a word',
          remedy: 'Use a WasmPlugin, or an EnvoyFilter with targetRefs, if it still matters',
        },
        true,
      ),
    )
})

const extensions = each(({ namespace, waypoint }, { snapshot }) =>
  [...snapshot.items<Attachable>('wasmPlugin'), ...snapshot.items<Attachable>('telemetry')]
    .filter(
      ({ metadata, spec }) => metadata.namespace === namespace && spec?.selector !== undefined,
    )
    .map((object) =>
      warning({
        resource: nameOf(object),
        namespace,
        reason:
          waypoint === undefined
            ? 'It selects pods, and in ambient only waypoints run such things'
            : 'It selects pods, which waypoints ignore: the plan gives the waypoint a copy with targetRefs',
        remedy: 'Write it with targetRefs',
      }),
    ),
)

const sidecarResources = each(({ namespace }, { snapshot }) =>
  snapshot
    .items('sidecar')
    .filter(({ metadata }) => metadata.namespace === namespace)
    .map((object) => {
      const closed = JSON.stringify(object.spec ?? {}).includes('"REGISTRY_ONLY"')
      const text = {
        resource: nameOf(object),
        namespace,
        reason: closed
          ? 'It has no effect in ambient: REGISTRY_ONLY no longer keeps pods from calling out'
          : 'It has no effect in ambient',
        remedy: closed
          ? 'Restrict egress with a NetworkPolicy or an egress gateway'
          : 'Remove it later',
      }
      return closed ? warning(text) : info(text)
    }),
)

const serviceEntries = each(({ namespace }, { snapshot }) =>
  snapshot
    .items<
      KubeObject & {
        spec?: { readonly exportTo?: readonly string[]; readonly hosts?: readonly string[] }
      }
    >('serviceEntry')
    .filter(({ metadata }) => metadata.namespace === namespace)
    .flatMap((entry) => {
      const limited = (entry.spec?.exportTo ?? []).some((one) => one !== '*')
      const wildcard = (entry.spec?.hosts ?? []).some((host) => host.startsWith('*'))
      if (!limited && !wildcard) return []
      const reason = limited
        ? 'exportTo is taken for "*" in ambient: everybody sees it'
        : 'Hosts with a wildcard need resolution DYNAMIC_DNS and a waypoint in ambient'
      const remedy = limited
        ? 'Check who else may see it; Istio 1.31 has meshConfig.serviceEntryVisibility'
        : 'Name the hosts, or bind it to a waypoint'
      return [warning({ resource: nameOf(entry), namespace, reason, remedy })]
    }),
)

const table: readonly (readonly [string, string, string, Evaluate])[] = [
  ['MB061', 'No VirtualServices within the mesh', links.l7Features, virtualServices],
  ['MB062', 'One kind of route for a service', links.docsIssue(16670), twoRoutes],
  ['MB063', 'DestinationRules have a waypoint', links.l7Features, ignoredRules],
  ['MB064', 'DestinationRules leave TLS to the mesh', links.l7Features, tlsRules],
  ['MB065', 'No EnvoyFilters that are dropped', links.migrate, envoyFilters],
  ['MB066', 'WasmPlugins and Telemetries name waypoints', links.l7Features, extensions],
  ['MB067', 'No Sidecar resources', links.analysis('IST0167'), sidecarResources],
  ['MB068', 'ServiceEntries mean the same in ambient', links.l7Features, serviceEntries],
]

export const routingChecks: readonly Check[] = table.map(([id, title, link, evaluate]) => ({
  id,
  title,
  link,
  evaluate,
}))
