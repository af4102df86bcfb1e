import type { ClusterClient } from '../../cluster/client/types.ts'
import { kinds, type Pod } from '../../cluster/kinds.ts'
import { adminPorts, meshLabels } from '../../cluster/mesh-labels.ts'
import { type Series, seriesOf } from '../inventory/metrics.ts'
import { podText } from './pod-text.ts'
import { hasSidecar } from './pods.ts'

/** What proxies have counted towards one workload since they began. */
export interface Traffic {
  readonly total: number
  readonly failed: number
  /** By policy, of the failed ones. */
  readonly refused: number
  /** Upper bound of the bucket that the 99th percentile since `first` lies in; L7 proxies only. */
  p99Since(first: Traffic): number | undefined
  readonly buckets: ReadonlyMap<number, number>
}

const names = [
  'istio_requests_total',
  'istio_request_duration_milliseconds_bucket',
  'istio_tcp_connections_opened_total',
  'istio_tcp_connections_failed_total',
]
/** Enough to see what callers see; each is a request through the API server. */
const mostProxies = 30

/**
 * From the callers' side, as far as their proxies can be asked: sidecars and waypoints count requests,
 * ztunnels connections. Undefined when none answers.
 */
export async function trafficTo(
  client: ClusterClient,
  workload: { readonly namespace: string; readonly name: string },
  signal?: AbortSignal,
): Promise<Traffic | undefined> {
  return counted(
    client,
    ({ labels }) =>
      labels.destination_workload === workload.name &&
      labels.destination_workload_namespace === workload.namespace,
    signal,
  )
}

/** The same of all workloads of a namespace together. */
export async function trafficIn(
  client: ClusterClient,
  namespace: string,
  signal?: AbortSignal,
): Promise<Traffic | undefined> {
  const isTo = ({ labels }: Series) => labels.destination_workload_namespace === namespace
  return counted(client, isTo, signal)
}

async function counted(
  client: ClusterClient,
  concerns: (series: Series) => boolean,
  signal: AbortSignal | undefined,
): Promise<Traffic | undefined> {
  const texts: string[] = []
  const proxies = await proxiesOf(client).catch(() => [])
  await Promise.all(
    proxies.slice(0, mostProxies).map(async ({ metadata, path }) => {
      const { name, namespace = '' } = metadata
      const request = { namespace, pod: name, port: adminPorts.stats, path }
      // One that cannot be asked tells nothing; others do.
      const answer = await podText(client, request, signal).catch(() => undefined)
      if (answer?.ok) texts.push(answer.text)
    }),
  )
  if (texts.length === 0) return undefined
  const series = texts.flatMap((text) => [...seriesOf(text, names)])
  return countTraffic(series.filter(concerns))
}

async function proxiesOf(
  client: ClusterClient,
): Promise<readonly { readonly metadata: Pod['metadata']; readonly path: string }[]> {
  const pods = await client.listEach<Pod, Pod['metadata']>(kinds.pod, {}, (pod) => {
    const waypoint = pod.metadata.labels?.[meshLabels.gatewayName] !== undefined
    const ztunnel = pod.metadata.labels?.app === 'ztunnel'
    const running = pod.status?.phase === 'Running'
    return running && (hasSidecar(pod) || waypoint || ztunnel) ? pod.metadata : undefined
  })
  return pods.map((metadata) => ({
    metadata,
    path: metadata.labels?.app === 'ztunnel' ? '/metrics' : '/stats/prometheus',
  }))
}

/** Pure. Requests where an L7 proxy reports any, connections otherwise. */
export function countTraffic(series: readonly Series[]): Traffic {
  const source = series.filter(({ labels }) =>
    ['source', 'waypoint'].includes(labels.reporter ?? ''),
  )
  const requests = source.filter(({ name }) => name === 'istio_requests_total')
  const opened = source.filter(({ name }) => name === 'istio_tcp_connections_opened_total')
  const broken = source.filter(({ name }) => name === 'istio_tcp_connections_failed_total')
  const sum = (some: readonly Series[]): number =>
    some.reduce((total, { value }) => total + value, 0)
  const bad = requests.filter(({ labels }) => /^(5..|0)$/.test(labels.response_code ?? ''))
  const denied = requests.filter(({ labels }) => labels.response_code === '403')
  const refused = broken.filter(({ labels }) => labels.response_flags === 'DENY')
  const buckets = new Map<number, number>()
  for (const { name, labels, value } of source) {
    if (name !== 'istio_request_duration_milliseconds_bucket') continue
    const bound = labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le)
    buckets.set(bound, (buckets.get(bound) ?? 0) + value)
  }
  return {
    total: sum(requests) + sum(opened),
    failed: sum(bad) + sum(denied) + sum(broken),
    refused: sum(denied) + sum(refused),
    buckets,
    p99Since: (first) => p99Between(first.buckets, buckets),
  }
}

function p99Between(
  first: ReadonlyMap<number, number>,
  last: ReadonlyMap<number, number>,
): number | undefined {
  const grown = [...last]
    .map(([bound, count]) => [bound, count - (first.get(bound) ?? 0)] as const)
    .sort(([a], [b]) => a - b)
  const total = grown.at(-1)?.[1] ?? 0
  if (total === 0) return undefined
  return grown.find(([bound, count]) => count >= total * 0.99 && Number.isFinite(bound))?.[0]
}
