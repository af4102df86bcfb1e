import type { Coefficients } from './coefficients.ts'

export interface ClusterShape {
  readonly pods: number
  readonly nodes: number
  /** Requests per second between pods of the mesh, all together. */
  readonly rps: number
  /** Share of the requests that needs a waypoint, 0 to 1. */
  readonly l7Share: number
  readonly waypoints: number
}

export interface Prices {
  /** Of one vCPU and one GiB for a month. */
  readonly perVcpu: number
  readonly perGib: number
}

export interface Bill {
  readonly name: 'sidecar' | 'ambient' | 'waypoint'
  readonly what: string
  readonly vcpu: number
  readonly gib: number
  readonly pricePerMonth: number | null
}

const gibibyte = 1024 ** 3
/** Every request leaves through one proxy and arrives through another. */
const passes = 2

/** What the data plane of a whole cluster takes, by mode. */
export function estimateCluster(
  { sidecar, ztunnel, waypoint }: Coefficients,
  shape: ClusterShape,
  prices?: Prices,
): Bill[] {
  const { pods, nodes, rps, l7Share, waypoints } = shape
  const bill = (name: Bill['name'], what: string, vcpu: number, bytes: number): Bill => ({
    name,
    what,
    vcpu,
    gib: bytes / gibibyte,
    pricePerMonth:
      prices === undefined ? null : vcpu * prices.perVcpu + (bytes / gibibyte) * prices.perGib,
  })
  const l4Cores = nodes * ztunnel.idleCores + passes * rps * ztunnel.coresPerRps
  const l4Bytes = nodes * ztunnel.bytes
  const l7Cores = waypoints * waypoint.idleCores + l7Share * rps * waypoint.coresPerRps
  return [
    bill(
      'sidecar',
      `${pods} sidecars`,
      pods * sidecar.idleCores + passes * rps * sidecar.coresPerRps,
      pods * sidecar.bytes,
    ),
    bill('ambient', `${nodes} ztunnels`, l4Cores, l4Bytes),
    bill(
      'waypoint',
      `${nodes} ztunnels, ${waypoints} ${waypoints === 1 ? 'waypoint' : 'waypoints'} for ${Math.round(l7Share * 100)} % of the requests`,
      l4Cores + l7Cores,
      l4Bytes + waypoints * waypoint.bytes,
    ),
  ]
}

export interface BreakEven {
  /** Pods per node from which ztunnels take less than sidecars; null: never. */
  readonly podsPerNodeForMemory: number | null
  readonly podsPerNodeForCpu: number | null
  /** Share of requests through waypoints up to which ambient takes less CPU; above 1: at any share. */
  readonly l7ShareForCpu: number | null
}

/** From where on ambient wins, and when it loses, at the traffic per pod of this cluster. */
export function breakEven(
  { sidecar, ztunnel, waypoint }: Coefficients,
  { pods, nodes, rps, waypoints }: ClusterShape,
): BreakEven {
  const rpsPerPod = rps / pods
  const savedPerPod =
    sidecar.idleCores + passes * rpsPerPod * (sidecar.coresPerRps - ztunnel.coresPerRps)
  const savedCores = pods * savedPerPod - nodes * ztunnel.idleCores - waypoints * waypoint.idleCores
  const waypointCores = rps * waypoint.coresPerRps
  return {
    podsPerNodeForMemory: sidecar.bytes > 0 ? ztunnel.bytes / sidecar.bytes : null,
    podsPerNodeForCpu: savedPerPod > 0 ? ztunnel.idleCores / savedPerPod : null,
    l7ShareForCpu: savedCores <= 0 ? null : waypointCores > 0 ? savedCores / waypointCores : 2,
  }
}
