import type { RecentLoad } from '../../harness/load/protocol.ts'
import type { Captor, PodState } from '../../harness/playground/pods.ts'

/** One look at a playground. */
export interface Status {
  readonly uptimeMs: number
  readonly pods: readonly PodState[]
  /** The last seconds; undefined while there is no load. */
  readonly load: RecentLoad | undefined
}

/** What of a playground does not change. */
export interface PlaygroundFacts {
  readonly namespace: string
  readonly workload: string
  readonly mode: string
  readonly ratePerSecond: number
  readonly kubeconfigPath: string
}

/** `0:42`, `1:02:03`. */
export function clock(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1000)
  const pad = (value: number): string => String(value).padStart(2, '0')
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  const rest = pad(seconds % 60)
  return hours > 0 ? `${hours}:${pad(minutes)}:${rest}` : `${minutes}:${rest}`
}

/** `10 pods ready, captured by: ztunnel 9, none 1`. */
export function podSentence(pods: readonly PodState[]): string {
  const ready = pods.filter((pod) => pod.ready).length
  const captors = new Map<Captor, number>()
  for (const { capturedBy } of pods) captors.set(capturedBy, (captors.get(capturedBy) ?? 0) + 1)
  const by = [...captors].sort(([, a], [, b]) => b - a).map(([captor, n]) => `${captor} ${n}`)
  const count = ready === pods.length ? `${ready}` : `${ready} of ${pods.length}`
  return `${count} pods ready, captured by: ${by.join(', ') || 'nobody'}`
}

/** `20.0 req/s · 3 failed (503: 2, ECONNRESET: 1) · p50 4.31 ms · p99 12.0 ms`. */
export function loadSentence(load: RecentLoad | undefined): string {
  if (load === undefined) return 'no load at the moment'
  const failed = failedCount(load)
  const rate = (load.ok / load.durationMs) * 1000
  const causes = Object.entries(load.failures).map(([cause, times]) => `${cause}: ${times}`)
  return [
    `${rate.toFixed(1)} req/s`,
    failed === 0 ? '0 failed' : `${failed} failed (${causes.join(', ')})`,
    `p50 ${milliseconds(load.p50Us)}`,
    `p99 ${milliseconds(load.p99Us)}`,
  ].join(' · ')
}

export function failedCount({ failures }: RecentLoad): number {
  return Object.values(failures).reduce((sum, times) => sum + times, 0)
}

function milliseconds(us: number | null): string {
  return us === null ? 'n/a' : `${Number((us / 1000).toPrecision(3))} ms`
}
