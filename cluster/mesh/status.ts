import type { ClusterView } from '../controllers/view.ts'
import type { Service } from '../kinds.ts'
import type { Condition } from '../objects.ts'
import { convertHttpRoute } from './http-routes.ts'
import {
  type AuthorizationPolicy,
  type HttpRoute,
  type ParentRef,
  parentsOf,
  type RequestAuthentication,
  targetRefsOf,
} from './istio-objects.ts'
import { WAYPOINT_CLASS } from './l7-config.ts'
import { convertForRequests } from './request-policy.ts'
import { backendResolver, isServiceParent } from './route-attachment.ts'
import { serviceBinding, waypointSources } from './waypoint-binding.ts'
import { convertForZtunnel } from './ztunnel-policy.ts'

export type Finding = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>

/** Ours: what sidecars and waypoints of meshbench do not enforce as written. */
const SUPPORTED = 'meshbench.dev/Supported'

export function policyFindings(policy: AuthorizationPolicy, view: ClusterView): readonly Finding[] {
  const { unsupported } = convertForRequests(policy)
  const support = supportFinding(unsupported)
  if (targetRefsOf(policy.spec).length > 0) return [waypointFinding(policy, view), ...support]
  const { accepted } = convertForZtunnel(policy)
  return accepted ? [{ type: 'ZtunnelAccepted', ...accepted }, ...support] : support
}

/** Says only what is missing. */
export function supportFinding(unsupported: readonly string[]): readonly Finding[] {
  if (unsupported.length === 0) return []
  const list = [...new Set(unsupported)].sort().join(', ')
  const message = `not enforced as written: ${list}`
  return [{ type: SUPPORTED, status: 'False', reason: 'UnsupportedValue', message }]
}

/** `WaypointAccepted` as istiod sets it (istio/istio pilot/pkg/model/policyattachment.go). */
export function waypointFinding(
  { metadata, spec }: AuthorizationPolicy | RequestAuthentication,
  view: ClusterView,
): Finding {
  const type = 'WaypointAccepted'
  const problems = targetRefsOf(spec).flatMap(({ kind, name }) => {
    const where = `${kind} ${metadata.namespace}/${name}`
    if (kind === 'Service') {
      const service = view.services.get(name, metadata.namespace)
      if (!service) return [{ reason: 'TargetNotFound', message: `${where} not found` }]
      if (serviceBinding(service, waypointSources(view))?.reason === 'WaypointAccepted') return []
      return [{ reason: 'AncestorNotBound', message: `${where} is not bound to a waypoint` }]
    }
    if (kind === 'Gateway') {
      const gateway = view.gateways.get(name, metadata.namespace)
      if (!gateway) return [{ reason: 'TargetNotFound', message: `${where} not found` }]
      if (gateway.spec.gatewayClassName === WAYPOINT_CLASS) return []
      return [{ reason: 'Invalid', message: `${where} is no waypoint` }]
    }
    if (kind === 'GatewayClass' && name === WAYPOINT_CLASS) return []
    return [{ reason: 'Invalid', message: `${kind} ${name} cannot be a target` }]
  })
  const [first] = problems
  if (first === undefined) {
    return { type, status: 'True', reason: 'Accepted', message: 'bound to its targets' }
  }
  if (problems.length < targetRefsOf(spec).length) {
    const message = problems.map((one) => one.message).join('; ')
    return { type, status: 'True', reason: 'PartiallyInvalid', message }
  }
  return { type, status: 'False', ...first }
}

/** Per parent that is a Service; other parents are other controllers' business. */
export function routeFindings(
  route: HttpRoute,
  view: ClusterView,
): readonly { readonly parentRef: ParentRef; readonly findings: readonly Finding[] }[] {
  const { problems, unsupported } = convertHttpRoute(route, backendResolver(view))
  const [problem] = problems
  const resolved: Finding = problem
    ? {
        type: 'ResolvedRefs',
        status: 'False',
        reason: problem.reason,
        message: problems.map(({ message }) => message).join('; '),
      }
    : {
        type: 'ResolvedRefs',
        status: 'True',
        reason: 'ResolvedRefs',
        message: 'All references resolved',
      }
  return parentsOf(route)
    .filter(isServiceParent)
    .map((parentRef) => ({
      parentRef,
      findings: [parentFinding(parentRef, route, view, unsupported), resolved],
    }))
}

function parentFinding(
  { name, namespace, port }: ParentRef,
  { metadata }: HttpRoute,
  view: ClusterView,
  unsupported: readonly string[],
): Finding {
  const type = 'Accepted'
  const service = view.services.get(name, namespace ?? metadata.namespace)
  const known = service?.spec.ports?.some((one) => port === undefined || one.port === port)
  if (!known) {
    const message = `no Service ${namespace ?? metadata.namespace}/${name} with this port`
    return { type, status: 'False', reason: 'NoMatchingParent', message }
  }
  if (unsupported.length > 0) {
    const message = `not supported: ${unsupported.join(', ')}; such rules answer 500`
    return { type, status: 'False', reason: 'UnsupportedValue', message }
  }
  return { type, status: 'True', reason: 'Accepted', message: 'Route was valid' }
}

/** `istio.io/WaypointBound`; undefined where nobody asked for a waypoint. */
export function bindingFinding(service: Service, view: ClusterView): Finding | undefined {
  const bound = serviceBinding(service, waypointSources(view))
  if (bound === undefined) return undefined
  const name = `${bound.namespace}/${bound.name}`
  const messages = {
    WaypointAccepted: `Successfully attached to waypoint ${name}`,
    WaypointIsNotReady: `waypoint ${name} is not ready`,
    AttachmentDenied: `waypoint ${name} does not let this namespace in (allowedRoutes)`,
    UnsupportedTrafficType: `waypoint ${name} does not serve traffic to services`,
  }
  return {
    type: 'istio.io/WaypointBound',
    status: bound.reason === 'WaypointAccepted' ? 'True' : 'False',
    reason: bound.reason,
    message: messages[bound.reason],
  }
}
