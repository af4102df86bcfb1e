import { Distribution } from '../load/distribution.ts'
import type { LaneLog, LoggedRequest, Span } from './lane-log.ts'

/** Of good answers; null where too few samples carry a percentile. */
export interface LatencyFigures {
  readonly n: number
  readonly p50: number | null
  readonly p99: number | null
  readonly max: number | null
}

export interface TrafficFigures {
  readonly requests: number
  readonly failedRequests: number
  readonly failures: Record<string, number>
  readonly retriedRequests: number
  readonly longestGapMs: number
}

export interface TimelinePoint {
  /** From the beginning of the span. */
  readonly atMs: number
  readonly requests: number
  readonly failedRequests: number
  readonly p50Us: number | null
  readonly p99Us: number | null
}

/** What the callers saw in a stretch of time, all lanes together; gaps are those of the worst lane. */
export function trafficIn(lanes: readonly LaneLog[], span: Span): TrafficFigures {
  const failed = lanes.flatMap((lane) => lane.failed(span))
  const failures: Record<string, number> = {}
  for (const { cause = '' } of failed) failures[cause] = (failures[cause] ?? 0) + 1
  const due = lanes.flatMap((lane) => lane.due(span))
  return {
    requests: due.length,
    failedRequests: failed.length,
    failures,
    retriedRequests: due.filter(({ retried }) => retried).length,
    longestGapMs: Math.max(0, ...lanes.map((lane) => longestGapMs(lane, span))),
  }
}

/** A gap belongs to the span that holds its middle: to one alone, wherever its edges are. */
function longestGapMs(lane: LaneLog, { fromMs, toMs }: Span): number {
  return lane
    .gaps()
    .filter((gap) => {
      const middleMs = (gap.fromMs + gap.toMs) / 2
      return middleMs >= fromMs && middleMs < toMs
    })
    .reduce((longest, gap) => Math.max(longest, gap.toMs - gap.fromMs), 0)
}

/** From the intended start, of the requests that were due in the span and got a good answer. */
export function latencyIn(lanes: readonly LaneLog[], span: Span): LatencyFigures {
  const distribution = latencies(lanes.flatMap((lane) => lane.due(span)))
  const { n } = distribution
  return {
    n,
    p50: distribution.percentile(0.5),
    p99: distribution.percentile(0.99),
    max: n === 0 ? null : distribution.max,
  }
}

export function timeline(lanes: readonly LaneLog[], span: Span, binMs: number): TimelinePoint[] {
  const bins = Math.ceil((span.toMs - span.fromMs) / binMs)
  return Array.from({ length: Math.max(bins, 0) }, (_, index): TimelinePoint => {
    const fromMs = span.fromMs + index * binMs
    const bin = { fromMs, toMs: Math.min(fromMs + binMs, span.toMs) }
    const due = lanes.flatMap((lane) => lane.due(bin))
    const latency = latencies(due)
    return {
      atMs: index * binMs,
      requests: due.length,
      failedRequests: lanes.reduce((sum, lane) => sum + lane.failed(bin).length, 0),
      p50Us: latency.n === 0 ? null : latency.roughly(0.5),
      p99Us: latency.n === 0 ? null : latency.roughly(0.99),
    }
  })
}

function latencies(requests: readonly LoggedRequest[]): Distribution {
  const distribution = new Distribution()
  for (const { latencyUs, cause } of requests) {
    if (cause === undefined) distribution.record(latencyUs)
  }
  return distribution
}
