import type { targetRefsOf } from '../../../cluster/mesh/istio-objects.ts'
import type { KubeObject } from '../../../cluster/objects.ts'
import { namesPorts, rulesForService, sameAtService } from '../../policy/service-ports.ts'
import { actionOf, rulesOf } from '../../policy/sources.ts'
import type { Treatment } from '../../policy/treatment.ts'
import { gatewayTarget, serviceTarget, type Targets } from '../../policy/waypoint-targets.ts'
import type { Call } from '../../result/plan.ts'
import { type Attachable, matchLabelsOf } from '../selection.ts'
import { migrationLabel } from '../steps/context.ts'

/** Istio admits no more (security.istio.io_authorizationpolicies.yaml). */
const maxTargets = 16

export interface CopyPlace {
  readonly namespace: string
  readonly waypoint: string
  readonly migration: string
  /** Names that are taken, by kind: `AuthorizationPolicy/cart`. */
  readonly taken: ReadonlySet<string>
}

type Targeted = { readonly refs: ReturnType<typeof targetRefsOf>; readonly spec: object }

/** The same policy for the waypoint: rules as they are, ports as services have them. */
export function policyCopies({ policy, copiedTo }: Treatment, place: CopyPlace): readonly Call[] {
  if (copiedTo === undefined) return []
  const rules = rulesOf(policy)
  const translated = namesPorts(rules) && !copiedTo.services.every(sameAtService)
  if (!translated) return copies(policy, targeted(policy, copiedTo, place), place)
  const each = copiedTo.services.flatMap((backed): Targeted[] => {
    const own = rulesForService(rules, backed)
    // A DENY without rules refuses nobody; an ALLOW without rules refuses everybody, as it must.
    if (own.length === 0 && actionOf(policy) !== 'ALLOW') return []
    return [{ refs: [serviceTarget(backed)], spec: { ...policy.spec, rules: own } }]
  })
  return copies(policy, each, place)
}

/** RequestAuthentication, Telemetry, WasmPlugin: whatever has a selector, for the waypoint. */
export function objectCopies(
  object: Attachable,
  targets: Targets,
  place: CopyPlace,
): readonly Call[] {
  return copies(object, targeted(object, targets, place), place)
}

function targeted(object: Attachable, targets: Targets, { waypoint }: CopyPlace): Targeted[] {
  const spec = object.spec ?? {}
  if (Object.keys(matchLabelsOf(object)).length === 0) {
    return [{ refs: [gatewayTarget(waypoint)], spec }]
  }
  const refs = targets.services.map(serviceTarget)
  const parts = Math.ceil(refs.length / maxTargets)
  return Array.from({ length: parts }, (_, part) => ({
    refs: refs.slice(part * maxTargets, (part + 1) * maxTargets),
    spec,
  }))
}

function copies(object: KubeObject, parts: readonly Targeted[], place: CopyPlace): readonly Call[] {
  const { apiVersion, kind } = object
  const used = new Set(place.taken)
  return parts.map(({ refs, spec }): Call => {
    const name = freeName(`${object.metadata.name}-waypoint`, kind, used)
    used.add(`${kind}/${name}`)
    const { selector, ...rest } = spec as Record<string, unknown>
    const { namespace, migration } = place
    return {
      verb: 'apply',
      ref: { apiVersion, kind, name, namespace },
      body: {
        apiVersion,
        kind,
        metadata: { name, namespace, labels: { [migrationLabel]: migration } },
        spec: { targetRefs: refs, ...rest },
      },
    }
  })
}

/** Never the name of an object there is: applying would mix ours into it. */
function freeName(wanted: string, kind: string, used: ReadonlySet<string>): string {
  for (let at = 1; ; at++) {
    const name = at === 1 ? wanted : `${wanted}-${at}`
    if (!used.has(`${kind}/${name}`)) return name
  }
}
