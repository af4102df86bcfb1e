import type { Endpoint, MeshIndex } from '../config/mesh-index.ts'
import type { Service, Workload } from '../config/mesh-state.ts'

/**
 * ztunnel's choice: random, weighted by capacity, with neither health checks nor least connections.
 * Routing preferences only narrow the set before.
 */
export function pickEndpoint(
  index: MeshIndex,
  service: Service,
  port: number,
  source?: Workload,
  random: () => number = Math.random,
): Endpoint | undefined {
  const all = index.endpoints(service, port)
  const endpoints = source ? preferred(service, all, source) : all
  if (endpoints.length <= 1) return endpoints[0]
  let total = 0
  for (const { workload } of endpoints) total += workload.capacity ?? 1
  let point = random() * total
  for (const endpoint of endpoints) {
    point -= endpoint.workload.capacity ?? 1
    if (point < 0) return endpoint
  }
  return endpoints.findLast(({ workload }) => (workload.capacity ?? 1) > 0)
}

/** Strict: all preferences must match. Failover: those that match the most, counted from the first. */
function preferred(
  { loadBalancer }: Service,
  endpoints: readonly Endpoint[],
  source: Workload,
): readonly Endpoint[] {
  const preferences = loadBalancer?.routingPreferences ?? []
  if (preferences.length === 0 || endpoints.length === 0) return endpoints
  const rankOf = ({ workload }: Endpoint): number => {
    const miss = preferences.findIndex((preference) => !near(preference, workload, source))
    return miss < 0 ? preferences.length : miss
  }
  if (loadBalancer?.mode === 'Strict') {
    return endpoints.filter((endpoint) => rankOf(endpoint) === preferences.length)
  }
  if (loadBalancer?.mode !== 'Failover') return endpoints
  const best = Math.max(...endpoints.map(rankOf))
  return endpoints.filter((endpoint) => rankOf(endpoint) === best)
}

/** One network and no localities: for those every workload is equally near. */
function near(preference: string, workload: Workload, source: Workload): boolean {
  if (preference === 'Node') return workload.node === source.node
  if (preference === 'Cluster') return workload.clusterId === source.clusterId
  return true
}
