import type { PeerAuthentication } from '../../cluster/kinds.ts'
import { type AuthorizationPolicy, targetRefsOf } from '../../cluster/mesh/istio-objects.ts'
import type { Condition } from '../../cluster/objects.ts'
import { matchLabelsOf, nameOf } from '../plan/selection.ts'
import { strictness } from '../plan/strictness.ts'
import { type WorstEffect, worstEffects } from '../plan/worst-effects.ts'
import { treatments } from '../policy/treatment.ts'
import type { Check, CheckContext, CheckFinding } from './check.ts'
import { blocker, info, warning } from './finding.ts'
import { links } from './links.ts'

/** Under which code a policy is reported whose protection changes. */
function codeOf({ policy, verdict, because }: WorstEffect): string | undefined {
  if (policy.startsWith('RequestAuthentication ')) return 'MB058'
  if (!policy.startsWith('AuthorizationPolicy ')) return undefined
  if (/dry runs/.test(because)) return 'MB054'
  if (verdict === 'exact') return 'MB055'
  if (verdict === 'deny-inert') return 'MB051'
  if (verdict === 'deny-altered') return 'MB052'
  if (verdict === 'not-sent') return 'MB053'
  if (verdict === 'unattached') return 'MB057'
  return verdict.startsWith('allow-') ? 'MB050' : undefined
}

function namespaceOf(resource: string): string {
  return resource.replace(/^\S+ /, '').split('/')[0] ?? ''
}

function changed(id: string, remedy: string, stricterIs: 'blocker' | 'warning') {
  return ({ snapshot, intent }: CheckContext): readonly CheckFinding[] =>
    effectsOn(id, { snapshot, intent })
      .filter(({ effect }) => effect !== 'same')
      .map(({ policy, effect, because, step }) => {
        const home = namespaceOf(policy)
        const text = {
          resource: policy,
          ...(intent.options.namespaces.includes(home) && { namespace: home }),
          reason: `${effect} after ${step}: ${because}`,
          remedy: `${remedy}; or take it as it is with --accept "${id}=${policy}"`,
        }
        return effect === 'stricter' && stricterIs === 'warning'
          ? warning(text)
          : blocker(text, true)
      })
}

function effectsOn(
  id: string,
  { snapshot, intent }: Pick<CheckContext, 'snapshot' | 'intent'>,
): readonly WorstEffect[] {
  // Throws where policies could not be read: no policies are not the same as none seen.
  const found = snapshot.items(id === 'MB058' ? 'requestAuthentication' : 'authorizationPolicy')
  const names = new Set(found.map(nameOf))
  return (
    worstEffects(snapshot, intent)
      .filter((one) => codeOf(one) === id)
      // What the plan itself makes to refuse callers (--protect-from-bypass) is stricter by intention.
      .filter(({ policy, effect }) => names.has(policy) || effect !== 'stricter')
  )
}

const viaWaypoint =
  'Let a waypoint enforce it (--waypoint auto) and turn its callers first, so that they come through it'

const audit = ({ snapshot, intent }: CheckContext): readonly CheckFinding[] =>
  inReach({ snapshot, intent })
    .filter(({ spec }) => spec?.action === 'AUDIT' && targetRefsOf(spec).length === 0)
    .map((policy) =>
      warning({
        resource: nameOf(policy),
        reason: 'AUDIT is not sent to ztunnels: no audit record is written any more',
        remedy: 'Write the same policy with targetRefs for a waypoint',
      }),
    )

const dryRuns = ({ snapshot, intent }: CheckContext): readonly CheckFinding[] =>
  inReach({ snapshot, intent })
    .filter(({ metadata }) => metadata.annotations?.['istio.io/dry-run'] !== undefined)
    .map((policy) =>
      info({
        resource: nameOf(policy),
        reason: 'A dry run is not sent to ztunnels: what it would have refused is no longer logged',
        remedy: 'Nothing, if its logs are not looked at',
      }),
    )

function inReach({ snapshot, intent }: Pick<CheckContext, 'snapshot' | 'intent'>) {
  const homes = [...intent.options.namespaces, intent.rootNamespace]
  return snapshot
    .items<AuthorizationPolicy>('authorizationPolicy')
    .filter(({ metadata }) => homes.includes(metadata.namespace ?? ''))
}

const unbound = ({ snapshot, intent }: CheckContext): readonly CheckFinding[] =>
  intent.namespaces.flatMap(({ namespace, waypoint }) =>
    snapshot
      .items<AuthorizationPolicy>('authorizationPolicy')
      .filter(({ metadata }) => metadata.namespace === namespace)
      .filter(({ spec }) => targetRefsOf(spec).length > 0)
      .flatMap((policy) => {
        const conditions: readonly Condition[] = policy.status?.conditions ?? []
        const told = conditions.find(({ type }) => type === 'WaypointAccepted')
        const missing = targetRefsOf(policy.spec).filter(
          ({ kind, name }) =>
            kind === 'Service' &&
            !snapshot
              .items('service')
              .some(({ metadata }) => metadata.name === name && metadata.namespace === namespace),
        )
        const [lost] = missing
        // What is only waiting for a waypoint gets one.
        if (lost === undefined && (waypoint !== undefined || told?.status === 'True')) return []
        const reason =
          lost === undefined
            ? `It names a waypoint or a service that none is bound to${told?.reason ? ` (${told.reason})` : ''}: nobody enforces it`
            : `Its target Service ${namespace}/${lost.name} does not exist: nobody enforces it`
        const remedy =
          lost === undefined
            ? 'Bind a waypoint first: --waypoint always'
            : 'Correct its targetRefs, or delete it'
        return [blocker({ resource: nameOf(policy), namespace, reason, remedy }, true)]
      }),
  )

/** Waypoints read neither: what they enforce of them is a copy. */
const wide = ({ snapshot, intent }: CheckContext): readonly CheckFinding[] =>
  intent.namespaces.flatMap((target) =>
    treatments(snapshot, intent, target)
      .filter(({ policy, converted, copiedTo }) => {
        const { tighter, looser, verdict } = converted
        const needsHttp = (tighter || looser) && verdict !== 'unattached'
        return copiedTo !== undefined && needsHttp && isWide(policy)
      })
      .map(({ policy }) => {
        const ofMesh = policy.metadata.namespace === intent.rootNamespace
        return warning({
          resource: nameOf(policy),
          namespace: target.namespace,
          reason: `It is for ${ofMesh ? 'the whole mesh' : 'its whole namespace'}, and waypoints read only what names them: the one of ${target.namespace} enforces a copy, which later changes of this policy do not reach`,
          remedy: ofMesh
            ? `Write it once for all waypoints, in ${intent.rootNamespace} with targetRefs to the GatewayClass istio-waypoint; until then change its copies with it`
            : 'Change the copy with it, and delete this one when no sidecar is left',
        })
      }),
  )

function isWide(policy: AuthorizationPolicy): boolean {
  return Object.keys(matchLabelsOf(policy)).length === 0
}

const disabled = ({ snapshot, intent }: CheckContext): readonly CheckFinding[] =>
  peersInReach({ snapshot, intent })
    .filter(({ spec }) =>
      [spec?.mtls, ...Object.values(spec?.portLevelMtls ?? {})].some(
        (one) => one?.mode === 'DISABLE',
      ),
    )
    .map((policy) =>
      blocker(
        {
          resource: nameOf(policy),
          reason:
            'DISABLE has no effect in ambient: mesh clients tunnel to these ports all the same',
          remedy:
            'Remove DISABLE once nothing needs raw TCP there, or keep those pods out of ambient',
        },
        true,
      ),
    )

function peersInReach({ snapshot, intent }: Pick<CheckContext, 'snapshot' | 'intent'>) {
  const homes = [...intent.options.namespaces, intent.rootNamespace]
  return snapshot
    .items<PeerAuthentication>('peerAuthentication')
    .filter(({ metadata }) => homes.includes(metadata.namespace ?? ''))
}

const plaintext = ({ snapshot, intent }: CheckContext): readonly CheckFinding[] =>
  intent.namespaces.flatMap(({ namespace }) => {
    if (strictness(snapshot, namespace, intent.rootNamespace) === 'none') return []
    const outside = snapshot.probes
      .callers(namespace)
      .filter(({ principal }) => principal === 'unknown')
    if (outside.length === 0) return []
    const services = [...new Set(outside.map((one) => one.destinationService))].join(', ')
    return [
      warning({
        resource: `Namespace ${namespace}`,
        namespace,
        reason: `Plaintext clients without an identity were seen calling ${services}, and STRICT refuses them`,
        remedy: 'Set PERMISSIVE until the migration is done, or bring these clients into the mesh',
      }),
    ]
  })

type Row = readonly [
  id: string,
  title: string,
  link: string,
  evaluate: (context: CheckContext) => readonly CheckFinding[],
]

const rows: readonly Row[] = [
  [
    'MB050',
    'ALLOW policies admit whom they admitted',
    links.l4Policy,
    changed('MB050', viaWaypoint, 'blocker'),
  ],
  [
    'MB051',
    'DENY policies refuse whom they refused',
    links.issue(61126),
    changed('MB051', viaWaypoint, 'blocker'),
  ],
  [
    'MB052',
    'DENY policies keep their rules',
    links.l4Policy,
    changed(
      'MB052',
      'Split the rule, and let a waypoint enforce the part that needs HTTP',
      'warning',
    ),
  ],
  [
    'MB053',
    'CUSTOM and AUDIT policies keep their effect',
    links.l7Features,
    (context) => [...changed('MB053', viaWaypoint, 'blocker')(context), ...audit(context)],
  ],
  [
    'MB054',
    'Dry runs stay dry runs',
    links.issue(55414),
    (context) => [
      ...changed('MB054', 'Remove the dry run, or upgrade istiod to 1.25.2', 'blocker')(context),
      ...dryRuns(context),
    ],
  ],
  [
    'MB055',
    'Policies let the waypoint pass, and name the trust domain of the mesh',
    links.l4Policy,
    changed(
      'MB055',
      'Admit the service account of the waypoint, and write principals with the trust domain of the mesh',
      'blocker',
    ),
  ],
  ['MB056', 'Policies with targetRefs are attached', links.issue(57315), unbound],
  [
    'MB057',
    'No policy depends on an empty selector, or on its width',
    links.l4Policy,
    (context) => [
      ...changed(
        'MB057',
        'Remove the empty selector: without one it is for the whole namespace',
        'blocker',
      )(context),
      ...wide(context),
    ],
  ],
  ['MB058', 'Tokens are still checked', links.l7Features, changed('MB058', viaWaypoint, 'blocker')],
  ['MB059', 'Mutual TLS is not disabled', links.migrate, disabled],
  ['MB060', 'STRICT refuses nobody who calls now', links.migrate, plaintext],
]

export const policyChecks: readonly Check[] = rows.map(([id, title, link, evaluate]) => ({
  id,
  title,
  link,
  evaluate,
}))
