import type { RequestHead } from '../http/head.ts'
import type { Route } from '../http/rules.ts'
import type { ServiceCluster } from '../http/service-clusters.ts'

export type Router = (request: RequestHead) => Route

/**
 * Decides for every request of a service. Without an HTTPRoute that is the service itself
 * (istio/istio pilot/pkg/networking/core/waypoint.go: the default route); matches, weights and
 * L7 policy are decisions of this same function.
 */
export function createRouter(cluster: ServiceCluster): Router {
  const toService: Route = { cluster }
  return () => toService
}
