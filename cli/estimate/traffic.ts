import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { parseMetrics, sumMetric } from '../../harness/verify/metrics.ts'
import type { CountedPod } from './census.ts'

/** Istio's merged telemetry port, readable without mutual TLS. */
const metricsPort = 15020
/** A scrape of a busy sidecar is some 100 kB through the API server: no cluster should notice us. */
const mostScraped = 100
const atOnce = 8

export interface Traffic {
  readonly requestsPerSecond: number
  readonly read: number
  readonly of: number
  readonly overMs: number
}

interface Counted {
  readonly client: number
  readonly server: number
  readonly atMs: number
}

/**
 * Requests per second between the pods, from two readings of what sidecars and waypoints counted. A
 * request is counted by the client's sidecar and by the server's; the larger sum is taken, since one
 * of the two may have none. Undefined when no proxy could be read.
 */
export async function measureTraffic(
  client: ClusterClient,
  pods: readonly CountedPod[],
  windowMs: number,
  signal: AbortSignal,
): Promise<Traffic | undefined> {
  const proxies = pods.filter(({ kind }) => kind === 'sidecar' || kind === 'waypoint')
  const step = Math.max(1, proxies.length / mostScraped)
  const chosen = Array.from(
    { length: Math.min(proxies.length, mostScraped) },
    (_, index) => proxies[Math.floor(index * step)] as CountedPod,
  )
  const before = await readAll(client, chosen, signal)
  if (before.size === 0) return undefined
  await sleep(windowMs, undefined, { signal })
  const after = await readAll(client, chosen, signal)
  const rates = { client: 0, server: 0 }
  let read = 0
  let overMs = 0
  for (const [pod, last] of after) {
    const first = before.get(pod)
    // A proxy that restarted in between counts from zero again.
    if (first === undefined || last.client < first.client || last.server < first.server) continue
    const seconds = (last.atMs - first.atMs) / 1000
    rates.client += (last.client - first.client) / seconds
    rates.server += (last.server - first.server) / seconds
    overMs += last.atMs - first.atMs
    read += 1
  }
  if (read === 0) return undefined
  // Pods that were left out are taken to be like those that were read.
  const scale = proxies.length / read
  const requestsPerSecond = Math.max(rates.client, rates.server) * scale
  return { requestsPerSecond, read, of: proxies.length, overMs: overMs / read }
}

async function readAll(
  client: ClusterClient,
  pods: readonly CountedPod[],
  signal: AbortSignal,
): Promise<Map<CountedPod, Counted>> {
  const found = new Map<CountedPod, Counted>()
  const left = [...pods]
  const worker = async (): Promise<void> => {
    for (let pod = left.shift(); pod !== undefined; pod = left.shift()) {
      const counted = await readOne(client, pod, signal)
      if (counted !== undefined) found.set(pod, counted)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return found
}

async function readOne(
  client: ClusterClient,
  { namespace, name }: CountedPod,
  signal: AbortSignal,
): Promise<Counted | undefined> {
  try {
    const path = '/stats/prometheus'
    const answer = await client.podRequest({
      namespace,
      pod: name,
      port: metricsPort,
      path,
      signal,
    })
    const text = await answer.text()
    if (!answer.ok) return undefined
    const samples = parseMetrics(text)
    const of = (reporter: string) => sumMetric(samples, 'istio_requests_total', { reporter })
    return { client: of('source'), server: of('destination') + of('waypoint'), atMs: Date.now() }
  } catch (error) {
    if (signal.aborted) throw error
    // Not allowed, not reachable, not there any more: the caller says how many could be read.
    return undefined
  }
}
