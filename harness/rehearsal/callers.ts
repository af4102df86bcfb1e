import type { LoadPlan } from '../load/protocol.ts'

/** Who calls the namespace while it is migrated. */
export interface Caller {
  readonly name: 'inside' | 'neighbour' | 'outside'
  readonly namespace: string
  readonly mesh: 'sidecar' | 'none'
  /** Whether the migration takes it along. */
  readonly moves: boolean
}

/** A lane is one caller on one kind of connection. */
export const laneKinds = ['kept', 'fresh'] as const
export type LaneKind = (typeof laneKinds)[number]

/** Longer than any answer of a mesh that still works. */
const timeoutMs = 5_000

/** To each service. Few enough to be busy when their proxy changes. */
const connections = { kept: 3, fresh: 16 } as const

/** With `pastWaypoint` also those whom the migration leaves where they are, and who therefore go past a waypoint. */
export function callersOf(namespace: string, pastWaypoint: boolean): Caller[] {
  const inside: Caller = { name: 'inside', namespace, mesh: 'sidecar', moves: true }
  if (!pastWaypoint) return [inside]
  return [
    inside,
    { name: 'neighbour', namespace: `${namespace}-neighbour`, mesh: 'sidecar', moves: false },
    { name: 'outside', namespace: `${namespace}-outside`, mesh: 'none', moves: false },
  ]
}

/** As this caller names a service: of another namespace by both names, as in DNS. */
export function serviceName(caller: Caller, service: string, namespace: string): string {
  return caller.namespace === namespace ? service : `${service}.${namespace}`
}

export function lanePlan(
  spread: readonly { readonly service: string; readonly weight: number }[],
  kind: LaneKind,
  ratePerSecond: number,
): LoadPlan {
  return {
    service: spread[0]?.service ?? '',
    spread: [...spread],
    path: '/',
    method: 'GET',
    requestBytes: 0,
    headers: {},
    model: 'open',
    ratePerSecond,
    arrivals: 'jittered',
    connections: connections[kind],
    keepAlive: kind === 'kept',
    timeoutMs,
    warmupMs: 0,
    windowMs: 1_000,
    windows: 'continuous',
    lane: kind,
    trace: true,
    retryStale: true,
    seed: kind === 'kept' ? 1 : 2,
  }
}
