import type { LatencySummary, LoadResult } from '../../harness/load/protocol.ts'
import type { RunOptions, Window } from '../../harness/result/schema.ts'

/** A healthy latency summary of `n` answers around one millisecond. */
export function latency(n = 1200): LatencySummary {
  return {
    n,
    mean: 1000,
    p50: 900,
    p75: 1100,
    p90: 1500,
    p95: 1800,
    p99: n >= 1000 ? 2500 : null,
    p999: null,
    max: 4000,
    histogram: '',
  }
}

/** 3 s at 400 requests/s on two cores without a doubt about anything. */
export function healthyWindow(changes: Partial<Window> = {}): Window {
  return {
    round: 1,
    position: 0,
    startedAt: '2026-11-23T04:10:00.000Z',
    durationMs: 3000,
    warmupMs: 1000,
    offeredRate: 400,
    achievedRate: 400,
    arrivals: 1200,
    outcomes: { ok: 1200, non2xx: 0, timeout: 0, reset: 0, connectFailed: 0, unanswered: 0 },
    latencyUs: latency(),
    serviceTimeUs: latency(),
    failedLatencyUs: { ...latency(0), mean: null, p50: null, p75: null, p90: null, p95: null },
    cpu: { app: { processes: 1, cpuUs: 120_000, cores: 0.04, usPerRequest: 100 } },
    memory: {
      app: { processes: 1, pssBytes: 20e6, privateBytes: 15e6, rssBytes: 48e6 },
    },
    nodeCpu: {
      cores: 2,
      wallMs: 3000,
      busyUs: 400_000,
      interruptUs: 20_000,
      stealUs: 0,
      attributedUs: 360_000,
      idleModesUs: 10_000,
      remainderUs: 10_000,
    },
    generator: {
      cores: 0.1,
      lagUsP50: 60,
      lagUsP99: 900,
      lagUsMax: 3000,
      queueUsP99: 0,
      eventLoopUtilization: 0.1,
      connectionsOpened: 16,
      connectionsClosedEarly: 0,
    },
    points: [],
    findings: [],
    ...changes,
  }
}

export function runOptions(changes: Partial<RunOptions> = {}): RunOptions {
  return {
    command: ['meshbench', 'run'],
    workload: 'echo',
    modes: ['baseline', 'sidecar', 'ambient', 'waypoint'],
    model: 'open',
    ratePerSecond: 400,
    arrivals: 'jittered',
    connections: 16,
    keepAlive: true,
    requestBytes: 0,
    responseBytes: 1024,
    durationMs: 3000,
    warmupMs: 1000,
    rounds: 3,
    replicas: 1,
    timeoutMs: 5000,
    seed: 7,
    quick: false,
    ...changes,
  }
}

/** What a generator says after a healthy window. */
export function loadResult(changes: Partial<LoadResult> = {}): LoadResult {
  const { outcomes, offeredRate, achievedRate, arrivals } = healthyWindow()
  return {
    startedAtMs: Date.now(),
    durationMs: 3000,
    arrivals,
    offeredRate,
    achievedRate,
    outcomes,
    latencyUs: latency(),
    serviceTimeUs: latency(),
    failedLatencyUs: latency(0),
    lagUs: { p50: 60, p99: 900, max: 3000 },
    queueUs: { p50: 0, p99: 0, max: 0 },
    connections: { opened: 16, closedEarly: 0 },
    bytesReceived: 1_500_000,
    points: [],
    generator: { cpuUs: 300_000, eventLoopUtilization: 0.1 },
    ...changes,
  }
}
