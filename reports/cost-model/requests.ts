import type { Bill, ClusterShape } from './estimate.ts'

/** What the scheduler sets aside, whether it is used or not. */
export interface Requests {
  readonly vcpu: number
  readonly gib: number
}

/** A node, and one application pod without its proxy. */
export interface NodeFit {
  readonly node: Requests
  readonly pod: Requests
}

export interface Requested extends Requests {
  readonly name: Bill['name']
  /** null without a size of node and pod, or when a pod does not fit a node at all. */
  readonly nodes: number | null
}

const mib = 1 / 1024

/**
 * The defaults of Istio's charts (`manifests/charts` of istio/istio: istiod, ztunnel, istio-cni); ambient
 * needs istio-cni on every node, sidecars do without.
 */
export const istioRequests = {
  sidecar: { vcpu: 0.1, gib: 128 * mib },
  waypoint: { vcpu: 0.1, gib: 128 * mib },
  ztunnel: { vcpu: 0.2, gib: 512 * mib },
  cni: { vcpu: 0.1, gib: 100 * mib },
} as const

const perNode = plus(istioRequests.ztunnel, istioRequests.cni)
const none: Requests = { vcpu: 0, gib: 0 }

/** What the data plane of a cluster requests by mode, and how many nodes all pods then take. */
export function requestedBy(shape: ClusterShape, fit?: NodeFit): Requested[] {
  const { pods, nodes, waypoints } = shape
  const ambient = times(perNode, nodes)
  const nodesFor = (pod: Requests, onEachNode: Requests, others: number): number | null =>
    fit === undefined
      ? null
      : nodesTaken(minus(fit.node, onEachNode), plus(fit.pod, pod), pods, others)
  return [
    {
      name: 'sidecar',
      ...times(istioRequests.sidecar, pods),
      nodes: nodesFor(istioRequests.sidecar, none, 0),
    },
    { name: 'ambient', ...ambient, nodes: nodesFor(none, perNode, 0) },
    {
      name: 'waypoint',
      ...plus(ambient, times(istioRequests.waypoint, waypoints)),
      nodes: nodesFor(none, perNode, waypoints),
    },
  ]
}

/** Equal pods, as many as fit on a node; waypoints into the room they leave, then onto nodes more. */
function nodesTaken(room: Requests, pod: Requests, pods: number, waypoints: number): number | null {
  const most = fits(room, pod)
  if (most === 0) return null
  const least = Math.ceil(pods / most)
  for (let nodes = least; ; nodes++) {
    const full = Math.min(nodes, Math.floor(pods / most))
    const last = nodes > full ? pods - full * most : 0
    const free = (count: number): number =>
      fits(minus(room, times(pod, count)), istioRequests.waypoint)
    const empty = Math.max(0, nodes - full - (last > 0 ? 1 : 0))
    const places = full * free(most) + (last > 0 ? free(last) : 0) + empty * free(0)
    if (places >= waypoints) return nodes
    if (free(0) === 0) return null
  }
}

/** Binary fractions of 0.1 do not add up to whole ones. */
const slack = 1e-9

function fits(room: Requests, one: Requests): number {
  const share = (has: number, takes: number): number =>
    takes === 0 ? Number.POSITIVE_INFINITY : has / takes
  const count = Math.min(share(room.vcpu, one.vcpu), share(room.gib, one.gib))
  return Math.max(0, Math.floor(count + slack))
}

function plus(a: Requests, b: Requests): Requests {
  return { vcpu: a.vcpu + b.vcpu, gib: a.gib + b.gib }
}

function minus(a: Requests, b: Requests): Requests {
  return plus(a, times(b, -1))
}

function times({ vcpu, gib }: Requests, count: number): Requests {
  return { vcpu: vcpu * count, gib: gib * count }
}
