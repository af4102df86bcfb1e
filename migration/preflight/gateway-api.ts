import { isObject, members } from '../../cluster/api/json.ts'
import type { Condition, KubeObject } from '../../cluster/objects.ts'
import { NotReadable } from '../inventory/snapshot.ts'
import type { Check, CheckContext } from './check.ts'
import { blocker } from './finding.ts'
import { links } from './links.ts'

const NEEDED = ['gatewayclasses', 'gateways', 'httproutes']

function plansWaypoint({ intent }: CheckContext): boolean {
  return intent.namespaces.some(({ waypoint }) => waypoint !== undefined)
}

const definitions: Check = {
  id: 'MB010',
  title: 'The Gateway API is installed, where a waypoint is planned',
  link: links.analysis('IST0156'),
  evaluate: (context) => {
    if (!plansWaypoint(context)) return []
    const found = context.snapshot.items('customResourceDefinition')
    const missing = NEEDED.filter((plural) => {
      const name = `${plural}.gateway.networking.k8s.io`
      const definition = found.find(({ metadata }) => metadata.name === name)
      return definition === undefined || !servesV1(definition)
    })
    if (missing.length === 0) return []
    return [
      blocker({
        resource: `CustomResourceDefinition ${missing[0]}.gateway.networking.k8s.io`,
        reason: `The cluster does not serve v1 of ${missing.join(', ')}: there can be no waypoint`,
        remedy:
          'kubectl apply --server-side -f https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.4.0/standard-install.yaml',
      }),
    ]
  },
}

function servesV1({ spec }: KubeObject): boolean {
  return members(isObject(spec) ? spec.versions : undefined).some(
    ({ name, served }) => name === 'v1' && served === true,
  )
}

const waypointClass: Check = {
  id: 'MB011',
  title: 'istiod makes waypoints, where one is planned',
  link: links.waypoint,
  evaluate: (context) => {
    if (!plansWaypoint(context)) return []
    const resource = 'GatewayClass istio-waypoint'
    const remedy =
      'Let istiod run with PILOT_ENABLE_AMBIENT_WAYPOINTS (on in the ambient profile) and look at its log'
    const found = context.snapshot
      .items('gatewayClass')
      .find(({ metadata }) => metadata.name === 'istio-waypoint')
    if (found === undefined) {
      return [blocker({ resource, reason: 'It does not exist: nobody makes waypoints', remedy })]
    }
    const accepted = conditionsOf(found).find(({ type }) => type === 'Accepted')
    if (accepted?.status === 'True') return []
    if (context.snapshot.source.from === 'files' && found.status === undefined) {
      throw new NotReadable('the GatewayClass in the files has no status')
    }
    const why = accepted === undefined ? 'nobody has accepted it' : accepted.message
    return [blocker({ resource, reason: `It is not accepted: ${why}`, remedy })]
  },
}

export function conditionsOf({ status }: KubeObject): readonly Condition[] {
  return members(isObject(status) ? status.conditions : undefined) as unknown as Condition[]
}

export const gatewayApiChecks: readonly Check[] = [definitions, waypointClass]
