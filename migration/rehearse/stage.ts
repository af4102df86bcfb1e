import type { Carried, Latency, Rehearsal, Traffic, Usage } from '../result/rehearsal.ts'

/** A stretch of time in epoch milliseconds, the end not included. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/**
 * What a rehearsal needs of whoever deploys the namespace and keeps it under load. Spans may be asked
 * for at any time, but are complete only once `stop` has resolved.
 */
export interface RehearsalStage {
  /** When the load began. */
  readonly startedAtMs: number
  /** One answer in this time is due to each caller on each kind of connection. */
  readonly expectedGapMs: number
  traffic(span: Span): Traffic
  latency(span: Span): Latency
  timeline(span: Span, binMs: number): Rehearsal['timeline']['points']
  callers(span: Span): Rehearsal['callers']
  /** At most `most` of those that failed in the span, in the order of failing; times are epoch ms. */
  failed(span: Span, most: number): Omit<Rehearsal['failed'][number], 'step'>[]
  /** Begins a window; `end` gives what it cost. */
  startMeter(): Promise<{ end(): Promise<Usage> }>
  /** Begins a window over the counters of the proxies. */
  startProof(): Promise<{ end(): Promise<Omit<Carried, 'when'>> }>
  /** Resolves when the load is answered as it comes, or after a while. */
  steady(signal: AbortSignal): Promise<void>
  /** Resolves when nothing is on its way any more from one data plane to the other. */
  quiet(signal: AbortSignal): Promise<void>
  /** Throws when the load is more than the namespace carries as it is. */
  assertCarries(span: Span): void
  /** What was wrong with the load itself, so that its figures are not to be trusted. */
  faults(): readonly string[]
  /** Ends the load; what was on its way is still told of. */
  stop(): Promise<void>
  /** Rejects when the load breaks down. */
  readonly broken: Promise<never>
}
