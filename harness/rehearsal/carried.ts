import type { ClusterClient } from '../../cluster/client/types.ts'
import { gatewayNameLabel, metricsPort } from '../deploy/names.ts'
import { containerStatuses, isReady, type Pod, podKind } from '../deploy/pods.ts'
import { type MetricSample, parseMetrics, sumMetric } from '../verify/metrics.ts'
import type { LaneLog } from './lane-log.ts'

/** What the proxies of a namespace's pods have taken in so far. */
export interface InboundCounters {
  readonly beganMs: number
  readonly endedMs: number
  readonly atZtunnels: number
  readonly atZtunnelsMutualTls: number
  readonly atWaypoints: number
  readonly atSidecars: number
}

/** Who carried the connections of a window, by the counters of the proxies themselves. */
export interface CarriedFigures {
  readonly durationMs: number
  readonly newConnections: number
  readonly atZtunnels: number
  readonly ofThemMutualTls: number
  readonly atWaypoints: number
  readonly atSidecars: number
  readonly ambientShare: number
}

const opened = 'istio_tcp_connections_opened_total'

/**
 * Scrapes every ztunnel, and waypoints and sidecars of the namespace, idle ones too. Connections count at
 * ztunnels only to the workloads that the callers call: those between the services would hide a lack.
 */
export async function readInbound(
  client: ClusterClient,
  namespace: string,
  called: readonly string[],
): Promise<InboundCounters> {
  const beganMs = Date.now()
  const [pods, ztunnels] = await Promise.all([
    client.list<Pod>(podKind, { namespace }),
    client.list<Pod>(podKind, { namespace: 'istio-system', labelSelector: 'app=ztunnel' }),
  ])
  const isWaypoint = ({ metadata }: Pod): boolean =>
    metadata.labels?.[gatewayNameLabel] !== undefined
  const proxied = pods.filter((pod) =>
    containerStatuses(pod).some(({ name }) => name === 'istio-proxy'),
  )
  const scrapeAll = async (some: readonly Pod[]): Promise<MetricSample[]> =>
    (await Promise.all(some.filter(isReady).map((pod) => scrape(client, pod)))).flat()
  const [tunnel, waypoint, sidecar] = await Promise.all([
    scrapeAll(ztunnels),
    scrapeAll(proxied.filter(isWaypoint)),
    scrapeAll(proxied.filter((pod) => !isWaypoint(pod))),
  ])
  const to = { reporter: 'destination', destination_workload_namespace: namespace }
  const toCalled = (labels: Readonly<Record<string, string>>): number =>
    called.reduce(
      (sum, name) => sum + sumMetric(tunnel, opened, { ...labels, destination_workload: name }),
      0,
    )
  return {
    beganMs,
    endedMs: Date.now(),
    atZtunnels: toCalled(to),
    atZtunnelsMutualTls: toCalled({ ...to, connection_security_policy: 'mutual_tls' }),
    atWaypoints: sumMetric(waypoint, 'istio_requests_total', { reporter: 'waypoint' }),
    atSidecars:
      sumMetric(sidecar, 'istio_requests_total', { reporter: 'destination' }) +
      sumMetric(sidecar, opened, { reporter: 'destination' }),
  }
}

/**
 * Between two readings. A request counts as a new connection only when it began after the first reading
 * had ended and was over before the second began: every one of them is then in the difference.
 */
export function carriedBetween(
  before: InboundCounters,
  after: InboundCounters,
  freshLanes: readonly LaneLog[],
): CarriedFigures {
  const span = { fromMs: before.endedMs, toMs: after.beganMs }
  const newConnections = freshLanes
    .flatMap((lane) => lane.due(span))
    .filter(({ cause }) => cause === undefined)
    .filter(({ intendedMs, latencyUs }) => intendedMs + latencyUs / 1e3 < span.toMs).length
  const atZtunnels = after.atZtunnels - before.atZtunnels
  const atWaypoints = after.atWaypoints - before.atWaypoints
  return {
    durationMs: after.beganMs - before.endedMs,
    newConnections,
    atZtunnels,
    ofThemMutualTls: after.atZtunnelsMutualTls - before.atZtunnelsMutualTls,
    atWaypoints,
    atSidecars: after.atSidecars - before.atSidecars,
    ambientShare:
      newConnections === 0 ? 0 : Math.min(1, (atZtunnels + atWaypoints) / newConnections),
  }
}

async function scrape(client: ClusterClient, pod: Pod): Promise<MetricSample[]> {
  const answer = await client.podRequest({
    namespace: pod.metadata.namespace ?? '',
    pod: pod.metadata.name,
    port: metricsPort,
    path: '/metrics',
  })
  const text = await answer.text()
  return answer.ok ? parseMetrics(text) : []
}
