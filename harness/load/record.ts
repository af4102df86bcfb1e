import { Distribution } from './distribution.ts'
import { LoadError } from './errors.ts'
import type { LoadPlan, LoadPoint, LoadResult } from './protocol.ts'
import { asRecord, count, type FailureCounts, Recent } from './recent.ts'
import type { LoadRequest, Outcome } from './request.ts'

/** What a window showed; the engine adds when it was and what it cost. */
export type RecordedLoad = Pick<
  LoadResult,
  | 'arrivals'
  | 'offeredRate'
  | 'achievedRate'
  | 'outcomes'
  | 'failures'
  | 'latencyUs'
  | 'serviceTimeUs'
  | 'failedLatencyUs'
  | 'lagUs'
  | 'queueUs'
  | 'bytesReceived'
  | 'points'
>

/**
 * The record of one window. Every measured request arrives once and is settled once; `finish` refuses
 * to report figures that do not add up.
 */
export class LoadRecord {
  readonly #open: boolean
  readonly #latency = new Distribution()
  readonly #serviceTime = new Distribution()
  readonly #failed = new Distribution()
  readonly #lag = new Distribution()
  readonly #queue = new Distribution()
  readonly #failures: FailureCounts = new Map()
  readonly #recent: Recent | undefined
  #pointLatency = new Distribution()
  #pointFailures: FailureCounts = new Map()
  readonly #points: LoadPoint[] = []
  readonly #outcomes: Record<Outcome, number> = {
    ok: 0,
    non2xx: 0,
    timeout: 0,
    reset: 0,
    connectFailed: 0,
    unanswered: 0,
  }
  #arrivals = 0
  #bytes = 0
  #pointStartMs = 0

  get outstanding(): number {
    return this.#arrivals - this.#settled
  }

  get #settled(): number {
    return Object.values(this.#outcomes).reduce((sum, count) => sum + count, 0)
  }

  constructor(plan: Pick<LoadPlan, 'model' | 'windows' | 'windowMs'>) {
    this.#open = plan.model === 'open'
    this.#recent = plan.windows === 'continuous' ? new Recent(plan.windowMs) : undefined
  }

  arrived({ measured, intendedUs, dueUs }: LoadRequest): void {
    if (!measured) return
    this.#arrivals += 1
    if (this.#open) this.#lag.record(dueUs - intendedUs)
  }

  settled(
    request: LoadRequest,
    outcome: Outcome,
    atUs: number,
    bytes: number,
    cause: string = outcome,
  ): void {
    if (!request.measured) return
    this.#outcomes[outcome] += 1
    this.#bytes += bytes
    if (request.sentUs > 0) this.#queue.record(request.sentUs - request.dueUs)
    if (outcome === 'ok') {
      // In a closed loop a request is meant to start when its connection lets it.
      const startUs = this.#open ? request.intendedUs : request.sentUs
      this.#latency.record(atUs - startUs)
      this.#serviceTime.record(atUs - request.sentUs)
      this.#pointLatency.record(atUs - startUs)
    } else {
      count(this.#pointFailures, cause)
      count(this.#failures, cause)
      if (outcome !== 'unanswered') this.#failed.record(atUs - request.intendedUs)
    }
  }

  /** Closes the second at hand and opens the next. */
  closePoint(offsetMs: number): LoadPoint {
    const latency = this.#pointLatency
    const failures = this.#pointFailures
    const durationMs = offsetMs - this.#pointStartMs
    const point: LoadPoint = {
      offsetMs: this.#pointStartMs,
      durationMs,
      ok: latency.n,
      failed: [...failures.values()].reduce((sum, times) => sum + times, 0),
      p50Us: latency.percentile(0.5),
      p99Us: latency.percentile(0.99),
    }
    this.#pointStartMs = offsetMs
    this.#pointFailures = new Map()
    if (this.#recent === undefined) {
      this.#points.push(point)
      latency.reset()
      return point
    }
    this.#pointLatency = new Distribution()
    return { ...point, recent: this.#recent.push({ durationMs, latency, failures }) }
  }

  finish(windowMs: number): RecordedLoad {
    const outcomes = { ...this.#outcomes }
    if (this.outstanding !== 0) {
      throw new LoadError(
        'accounting-broken',
        `${this.#arrivals} requests arrived but ${this.#settled} have an outcome`,
        'this is a defect of the load generator; its figures are not to be used',
      )
    }
    const seconds = windowMs / 1000
    return {
      arrivals: this.#arrivals,
      offeredRate: this.#arrivals / seconds,
      achievedRate: (outcomes.ok + outcomes.non2xx) / seconds,
      outcomes,
      failures: asRecord(this.#failures),
      latencyUs: this.#latency.summary(),
      serviceTimeUs: this.#serviceTime.summary(),
      failedLatencyUs: this.#failed.summary(),
      lagUs: indicator(this.#lag),
      queueUs: indicator(this.#queue),
      bytesReceived: this.#bytes,
      points: this.#points,
    }
  }
}

function indicator(distribution: Distribution): LoadResult['lagUs'] {
  return {
    p50: distribution.roughly(0.5),
    p99: distribution.roughly(0.99),
    max: distribution.max,
  }
}
