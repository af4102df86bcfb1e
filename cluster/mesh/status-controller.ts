import { sameJson, withCondition } from '../controllers/conditions.ts'
import type { Controller, ControllerContext } from '../controllers/context.ts'
import { createLoop, triggerOn } from '../controllers/loop.ts'
import { refOf } from '../controllers/ownership.ts'
import type { Condition, KubeObject } from '../objects.ts'
import { unsupportedTelemetry } from './access-log.ts'
import { convertDestinationRule } from './destination-rules.ts'
import { type HttpRoute, targetRefsOf } from './istio-objects.ts'
import {
  bindingFinding,
  type Finding,
  policyFindings,
  routeFindings,
  supportFinding,
  waypointFinding,
} from './status.ts'
import { convertVirtualService } from './virtual-services.ts'

/** istiod's name in the status of routes that belong to services instead of gateways. */
const MESH_CONTROLLER = 'istio.io/mesh-controller'
/** Findings come and go with the objects they are about. */
const OWNED = new Set([
  'ZtunnelAccepted',
  'WaypointAccepted',
  'istio.io/WaypointBound',
  'meshbench.dev/Supported',
])

/** Writes into mesh objects and services what has become of them. */
export function startMeshStatusController(context: ControllerContext): Controller {
  const { store, view, onError } = context
  const write = (object: KubeObject, status: Readonly<Record<string, unknown>>): void => {
    if (sameJson(status, object.status ?? {})) return
    store.mutateStatus(refOf(object), (current) => ({ ...current, status }))
  }
  const conditions = (object: KubeObject, findings: readonly Finding[]): void => {
    const status = (object.status ?? {}) as { conditions?: Condition[] }
    const next = merged(status.conditions, findings, object)
    if (next.length === 0 && status.conditions === undefined) return
    write(object, { ...status, conditions: next })
  }
  const route = (object: HttpRoute): void => {
    const known = object.status?.parents ?? []
    const foreign = known.filter(({ controllerName }) => controllerName !== MESH_CONTROLLER)
    const own = routeFindings(object, view).map(({ parentRef, findings }) => {
      const before = known.find(
        (one) => one.controllerName === MESH_CONTROLLER && sameJson(one.parentRef, parentRef),
      )
      const next = merged(before?.conditions, findings, object)
      return { parentRef, controllerName: MESH_CONTROLLER, conditions: next }
    })
    if (own.length > 0 || known.length > 0) write(object, { parents: [...foreign, ...own] })
  }
  const loop = createLoop(
    () => {
      for (const one of view.authorizationPolicies.all()) conditions(one, policyFindings(one, view))
      for (const one of view.requestAuthentications.all()) {
        conditions(one, targetRefsOf(one.spec).length > 0 ? [waypointFinding(one, view)] : [])
      }
      for (const one of view.telemetries.all()) {
        conditions(one, supportFinding(unsupportedTelemetry(one)))
      }
      for (const one of view.services.all()) {
        const finding = bindingFinding(one, view)
        conditions(one, finding ? [finding] : [])
      }
      for (const one of view.httpRoutes.all()) route(one)
      for (const one of view.virtualServices.all()) {
        conditions(one, supportFinding(convertVirtualService(one, () => undefined).unsupported))
      }
      for (const one of view.destinationRules.all()) {
        conditions(one, supportFinding(convertDestinationRule(one, '', () => []).unsupported))
      }
    },
    { onError, debounceMs: 25 },
  )
  const { authorizationPolicies, requestAuthentications, services, httpRoutes } = view
  const { telemetries } = view
  const { virtualServices, destinationRules, gateways, gatewayClasses, namespaces } = view
  return triggerOn(loop, [
    authorizationPolicies,
    requestAuthentications,
    services,
    httpRoutes,
    telemetries,
    virtualServices,
    destinationRules,
    gateways,
    gatewayClasses,
    namespaces,
  ])
}

function merged(
  before: readonly Condition[] | undefined,
  findings: readonly Finding[],
  { metadata }: KubeObject,
): Condition[] {
  const types = new Set(findings.map(({ type }) => type))
  let next = (before ?? []).filter(({ type }) => types.has(type) || !OWNED.has(type))
  for (const finding of findings) {
    const known = next.find(({ type }) => type === finding.type)
    const observedGeneration = metadata.generation ?? 1
    // In place, so that nothing moves when nothing changed.
    const [updated] = withCondition(known ? [known] : [], { ...finding, observedGeneration })
    if (updated === undefined) continue
    next = known ? next.map((one) => (one === known ? updated : one)) : [...next, updated]
  }
  return next
}
