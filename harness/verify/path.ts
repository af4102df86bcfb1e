import type { ClusterClient } from '../../cluster/client/types.ts'
import { metricsPort } from '../deploy/names.ts'
import type { Pod } from '../deploy/pods.ts'
import type { Mode, Role } from '../modes.ts'
import { roleOf } from '../sample/census.ts'
import { type MetricSample, parseMetrics, sumMetric } from './metrics.ts'

/** What the proxies of a mode have counted so far, and how many proxies there are. */
export interface ProxyCounters {
  readonly proxies: Readonly<Record<ProxyRole, number>>
  /** Requests an application's sidecar took over mutual TLS. */
  readonly sidecarRequests: number
  /** Requests that crossed a waypoint. */
  readonly waypointRequests: number
  readonly tunnelConnections: number
  /** Client to server, as counted where a tunnel ends. */
  readonly tunnelBytes: number
}

type ProxyRole = Extract<Role, 'sidecar' | 'ztunnel' | 'waypoint'>

export interface PathProof {
  readonly ok: boolean
  readonly evidence: readonly string[]
}

const mutualTls = { connection_security_policy: 'mutual_tls', reporter: 'destination' }

/** Reads the proxies' own metrics; outside windows, since a scrape costs the proxy CPU. */
export async function readProxyCounters(
  client: ClusterClient,
  pods: readonly Pod[],
  signal?: AbortSignal,
): Promise<ProxyCounters> {
  const proxies = pods.flatMap((pod) => {
    const role = proxyRole(pod)
    return role === undefined ? [] : [{ pod, role }]
  })
  const scraped = await Promise.all(
    proxies.map(async ({ pod, role }) => ({ role, samples: await scrape(client, pod, signal) })),
  )
  const of = (role: ProxyRole): MetricSample[] =>
    scraped.filter((each) => each.role === role).flatMap(({ samples }) => samples)
  const count = (role: ProxyRole): number => proxies.filter((each) => each.role === role).length
  return {
    proxies: {
      sidecar: count('sidecar'),
      ztunnel: count('ztunnel'),
      waypoint: count('waypoint'),
    },
    sidecarRequests: sumMetric(of('sidecar'), 'istio_requests_total', mutualTls),
    waypointRequests: sumMetric(of('waypoint'), 'istio_requests_total', { reporter: 'waypoint' }),
    tunnelConnections: sumMetric(of('ztunnel'), 'istio_tcp_connections_opened_total', mutualTls),
    tunnelBytes: sumMetric(of('ztunnel'), 'istio_tcp_received_bytes_total', mutualTls),
  }
}

function proxyRole(pod: Pod): ProxyRole | undefined {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers]
  return containers
    .map(({ name }) => roleOf(pod, name))
    .find((role): role is ProxyRole => ['sidecar', 'ztunnel', 'waypoint'].includes(role))
}

async function scrape(
  client: ClusterClient,
  pod: Pod,
  signal: AbortSignal | undefined,
): Promise<MetricSample[]> {
  const answer = await client.podRequest({
    namespace: pod.metadata.namespace ?? '',
    pod: pod.metadata.name,
    port: metricsPort,
    path: '/metrics',
    signal,
  })
  const text = await answer.text()
  return answer.ok ? parseMetrics(text) : []
}

/**
 * Whether the requests took the path a mode promises. `answered` are the good answers of the window;
 * the counters were read before the warm-up, so on the right path they grew by at least that.
 */
export function provePath(
  mode: Mode,
  before: ProxyCounters,
  after: ProxyCounters,
  answered: number,
): PathProof {
  const { sidecar, ztunnel, waypoint } = after.proxies
  if (mode === 'baseline') {
    const proxies = sidecar + ztunnel + waypoint
    return { ok: proxies === 0, evidence: [`${proxies} proxies on the path`] }
  }
  if (mode === 'sidecar') {
    const grown = after.sidecarRequests - before.sidecarRequests
    return {
      ok: grown >= answered && ztunnel + waypoint === 0,
      evidence: [`${grown} requests over mutual TLS at ${sidecar} sidecars`],
    }
  }
  const connections = after.tunnelConnections - before.tunnelConnections
  const bytes = after.tunnelBytes - before.tunnelBytes
  const tunnels = `${connections} connections and ${bytes} bytes over mutual TLS at ${ztunnel} ${ztunnel === 1 ? 'ztunnel' : 'ztunnels'}`
  // A request line and its headers are never shorter than this many bytes.
  const enough = answered * shortestRequestBytes
  if (mode === 'ambient') {
    return { ok: bytes >= enough && sidecar + waypoint === 0, evidence: [tunnels] }
  }
  const grown = after.waypointRequests - before.waypointRequests
  return {
    ok: grown >= answered && bytes >= enough && sidecar === 0,
    evidence: [`${grown} requests at ${waypoint} waypoint`, tunnels],
  }
}

/** `GET / HTTP/1.1`, `Host: x`, and the line ends. */
const shortestRequestBytes = 27
