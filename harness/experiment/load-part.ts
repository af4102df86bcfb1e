import type { LoadPlan, LoadResult } from '../load/protocol.ts'
import type { Window } from '../result/schema.ts'

export type LoadPart = Omit<
  Window,
  | 'round'
  | 'position'
  | 'steady'
  | 'quiet'
  | 'host'
  | 'cpu'
  | 'nodeCpu'
  | 'memory'
  | 'sampler'
  | 'findings'
>

/** What the generator's result says of a window. */
export function loadPart(load: LoadResult, plan: LoadPlan): LoadPart {
  return {
    startedAt: new Date(load.startedAtMs).toISOString(),
    durationMs: load.durationMs,
    warmupMs: load.warmupMs ?? plan.warmupMs,
    offeredRate: load.offeredRate,
    achievedRate: load.achievedRate,
    arrivals: load.arrivals,
    outstandingAtEnd: load.outstandingAtEnd,
    outcomes: load.outcomes,
    failures: load.failures,
    latencyUs: load.latencyUs,
    serviceTimeUs: load.serviceTimeUs,
    failedLatencyUs: load.failedLatencyUs,
    generator: {
      cores: load.generator.cpuUs / 1000 / load.durationMs,
      lagUsP50: load.lagUs.p50,
      lagUsP99: load.lagUs.p99,
      lagUsMax: load.lagUs.max,
      queueUsP99: load.queueUs.p99,
      eventLoopUtilization: load.generator.eventLoopUtilization,
      connectionsOpened: load.connections.opened,
      connectionsClosedEarly: load.connections.closedEarly,
    },
    points: [...load.points],
  }
}
