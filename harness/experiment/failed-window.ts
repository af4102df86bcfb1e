import type { LoadPlan } from '../load/protocol.ts'
import type { Mode } from '../modes.ts'
import type { Window } from '../result/schema.ts'

const nothing: Window['latencyUs'] = {
  n: 0,
  mean: null,
  p50: null,
  p75: null,
  p90: null,
  p95: null,
  p99: null,
  p999: null,
  max: null,
  histogram: '',
}

/** A window that yielded no figures stays in the file with the reason: a gap would look like luck. */
export function failedWindow(facts: {
  readonly mode: Mode
  readonly round: number
  readonly position: number
  readonly startedAtMs: number
  readonly plan: LoadPlan
  readonly reason: string
}): Window {
  return {
    round: facts.round,
    position: facts.position,
    startedAt: new Date(facts.startedAtMs).toISOString(),
    durationMs: facts.plan.windowMs,
    warmupMs: facts.plan.warmupMs,
    offeredRate: 0,
    achievedRate: 0,
    arrivals: 0,
    outcomes: { ok: 0, non2xx: 0, timeout: 0, reset: 0, connectFailed: 0, unanswered: 0 },
    latencyUs: nothing,
    serviceTimeUs: nothing,
    failedLatencyUs: nothing,
    cpu: {},
    memory: {},
    nodeCpu: null,
    generator: {
      cores: 0,
      lagUsP50: 0,
      lagUsP99: 0,
      lagUsMax: 0,
      queueUsP99: 0,
      eventLoopUtilization: 0,
      connectionsOpened: 0,
      connectionsClosedEarly: 0,
    },
    points: [],
    findings: [
      {
        code: 'window-failed',
        severity: 'error',
        message: facts.reason,
        hint: 'see the logs/ folder of the run',
        mode: facts.mode,
        round: facts.round,
      },
    ],
  }
}
