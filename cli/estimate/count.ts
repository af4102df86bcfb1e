import type { RawEstimateOptions } from '../commands/estimate.ts'
import type { CommandContext } from '../context.ts'
import { UsageError } from '../errors.ts'
import { parseDurationMs } from '../values/duration.ts'
import { takeCensus } from './census.ts'
import { measureTraffic } from './traffic.ts'

/** What a live cluster says of itself, and what had to be assumed. */
export interface Counted {
  readonly server: string
  readonly nodes: number
  readonly pods: number
  readonly sidecars: number
  readonly ambient: number
  readonly waypoints: number
  readonly outsideMesh: number
  readonly requestsPerSecond: number
  /** How the figures came about, a sentence each. */
  readonly notes: readonly string[]
}

export const defaultWindow = '10s'
/** Between what idle and what busy services do; every estimate made with it says so. */
const assumedRpsPerPod = 10

/** Counts nodes, pods and proxies of a cluster and watches its sidecars for a moment. */
export async function countCluster(
  raw: RawEstimateOptions,
  { signal }: CommandContext,
): Promise<Counted> {
  const windowMs = parseDurationMs('--window', raw.window ?? defaultWindow, {
    minMs: 1_000,
    maxMs: 600_000,
  })
  const { connectCluster } = await import('../../cluster/client/connect.ts')
  const client = await connectCluster({
    ...(raw.kubeconfig !== undefined && { kubeconfigPath: raw.kubeconfig }),
    ...(raw.context !== undefined && { context: raw.context }),
  })
  const { nodes, pods } = await takeCensus(client, signal)
  const count = (wanted: string) => pods.filter(({ kind }) => kind === wanted).length
  const [sidecars, ambient, plain] = [count('sidecar'), count('ambient'), count('plain')]
  const inMesh = sidecars + ambient
  if (inMesh + plain === 0) {
    throw new UsageError(
      `${client.server} runs no application pods`,
      'name another cluster with --context or --kubeconfig, or give --pods, --nodes and --rps',
    )
  }
  const counted = inMesh > 0 ? inMesh : plain
  const traffic =
    raw.rps === undefined ? await measureTraffic(client, pods, windowMs, signal) : undefined
  return {
    server: client.server,
    nodes,
    pods: counted,
    sidecars,
    ambient,
    waypoints: count('waypoint'),
    outsideMesh: inMesh > 0 ? plain : 0,
    requestsPerSecond: traffic?.requestsPerSecond ?? counted * assumedRpsPerPod,
    notes: [
      `counted ${nodes} nodes and ${counted} pods: ${sidecars} with a sidecar, ${ambient} in ambient${
        inMesh === 0 ? '; no pod is in a mesh, so all of them are taken' : ''
      }${plain > 0 && inMesh > 0 ? `; ${plain} outside the mesh are left out` : ''}`,
      ...(raw.rps !== undefined ? [] : [rateNote(traffic, counted)]),
    ],
  }
}

function rateNote(traffic: Awaited<ReturnType<typeof measureTraffic>>, pods: number): string {
  if (traffic === undefined) {
    return `assumed ${assumedRpsPerPod} requests/s per pod, ${pods * assumedRpsPerPod} in all: no sidecar or waypoint told its istio_requests_total; give --rps if you know better`
  }
  const { requestsPerSecond, read, of, overMs } = traffic
  const part = read < of ? `${read} of ${of} proxies, scaled up` : `${read} proxies`
  return `${requestsPerSecond.toFixed(1)} requests/s by istio_requests_total of ${part}, over ${(overMs / 1000).toFixed(0)} s; other hours may differ`
}
