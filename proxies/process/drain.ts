/**
 * How long live connections may go on after SIGTERM, as istio/ztunnel src/config.rs: an explicit
 * deadline, else a little less than the pod's grace period, else 5 s.
 */
export function drainDeadlineMs(env: Readonly<Record<string, string | undefined>>): number {
  const explicit = durationMs(env.CONNECTION_TERMINATION_DEADLINE)
  if (explicit !== undefined) return explicit
  const graceSeconds = Number(env.TERMINATION_GRACE_PERIOD_SECONDS)
  if (Number.isFinite(graceSeconds) && graceSeconds > 0) {
    return Math.max(1, graceSeconds - (graceSeconds <= 10 ? 1 : 5)) * 1_000
  }
  return 5_000
}

/**
 * How long connections that the configuration no longer allows may go on: Envoy's `--drain-time-s`, for
 * which Istio's `drainDuration` says 45 s.
 */
export function drainDurationMs(env: Readonly<Record<string, string | undefined>>): number {
  return durationMs(env.DRAIN_DURATION) ?? 45_000
}

/** `2s`, `500ms`, `1m`. */
function durationMs(text: string | undefined): number | undefined {
  const match = /^(\d+)(ms|s|m)$/.exec(text ?? '')
  if (!match) return undefined
  const unitMs = match[2] === 'ms' ? 1 : match[2] === 's' ? 1_000 : 60_000
  return Number(match[1]) * unitMs
}
