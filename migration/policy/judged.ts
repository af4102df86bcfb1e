import { guarded } from '../../cluster/mesh/guarded.ts'
import { isForSidecarsOnly, nameOf } from '../plan/selection.ts'
import type { AtZtunnel } from './at-ztunnel.ts'
import type { Comparable } from './enforcement.ts'
import { actionOf, rulesOf } from './sources.ts'
import type { Treatment } from './treatment.ts'

/** A policy as far as its effects can be told. */
export interface Judged {
  readonly name: string
  readonly comparable: Comparable
  /** By sidecars: a dry run is only logged. */
  readonly enforcedToday: boolean
  /** Whether a ztunnel of the pod has it at all. */
  readonly sent: boolean
  readonly asksPeer: boolean
  readonly admitsWaypoint: boolean
  /** Services whose waypoint gets a copy, or has one. */
  readonly copied: 'none' | 'planned' | 'there'
  /** The copy reaches pods that the policy does not select. */
  readonly copiedPartly: boolean
  readonly narrowed: boolean
  readonly because: string
}

export function judgedPolicy(treatment: Treatment, all: readonly Treatment[]): Judged {
  const { policy, converted, copiedTo, hasTwin } = treatment
  const action = guarded(() => actionOf(policy), 'DENY')
  const acts = actsOf(treatment)
  const others = all.filter(
    (one) => one !== treatment && actionOf(one.policy) === 'ALLOW' && actsOf(one).full,
  )
  return {
    name: nameOf(policy),
    comparable: {
      conversion: converted,
      acts,
      oneOfSeveralAllows: action === 'ALLOW' && others.length > 0,
    },
    enforcedToday: !converted.dryRun,
    sent:
      converted.verdict !== 'not-sent' &&
      converted.verdict !== 'unattached' &&
      !isForSidecarsOnly(policy),
    asksPeer: treatment.asksPeer,
    admitsWaypoint: treatment.admitsWaypoint,
    copied: hasTwin ? 'there' : copiedTo === undefined ? 'none' : 'planned',
    copiedPartly: (copiedTo?.partly.length ?? 0) > 0,
    narrowed: treatment.narrowed,
    because: reasonOf(action, converted),
  }
}

function actsOf({ policy, converted }: Treatment): Comparable['acts'] {
  const action = actionOf(policy)
  const full = action === 'ALLOW' || (action !== 'AUDIT' && rulesOf(policy).length > 0)
  const inert = ['not-sent', 'unattached', 'deny-inert'].includes(converted.verdict)
  return { full, ztunnel: full && !inert }
}

function reasonOf(action: string, { verdict, foreignPrincipals, dryRun }: AtZtunnel): string {
  if (dryRun) return 'an istiod before 1.25.2 has ztunnels enforce dry runs'
  const foreign =
    foreignPrincipals.length > 0
      ? `; a ztunnel compares ${foreignPrincipals.join(', ')} literally, without aliases of the trust domain`
      : ''
  return `${atZtunnelInWords(action, verdict)}${foreign}`
}

function atZtunnelInWords(action: string, verdict: AtZtunnel['verdict']): string {
  switch (verdict) {
    case 'not-sent':
      return action === 'CUSTOM' ? 'ztunnels ask no external authorizer' : 'ztunnels do not get it'
    case 'waypoint-only':
      return 'only a waypoint enforces it'
    case 'unattached':
      return 'an empty selector selects no pod at ztunnels'
    case 'exact':
      return 'ztunnels enforce it as it is written'
    case 'allow-nothing':
      return 'every rule asks for HTTP, which ztunnels do not see, so they admit nobody'
    case 'allow-narrowed':
      return 'ztunnels drop the rules that ask for HTTP, so they admit fewer'
    case 'allow-widened':
      return 'ztunnels ignore trustDomains, so they admit more'
    case 'allow-altered':
      return 'ztunnels drop the rules that ask for HTTP and ignore trustDomains'
    case 'deny-inert':
      return 'every rule asks for HTTP, which ztunnels do not see, so they refuse nobody'
    case 'deny-altered':
      return 'ztunnels drop what asks for HTTP from its rules, so they refuse others than it says'
  }
}
