import { Distribution } from './distribution.ts'
import { LoadError } from './errors.ts'
import type { LoadPlan, LoadPoint, LoadResult } from './protocol.ts'
import type { LoadRequest, Outcome } from './request.ts'

/** What a window showed; the engine adds when it was and what it cost. */
export type RecordedLoad = Pick<
  LoadResult,
  | 'arrivals'
  | 'offeredRate'
  | 'achievedRate'
  | 'outcomes'
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
  readonly #pointLatency = new Distribution()
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
  #pointFailed = 0
  #pointStartMs = 0

  get outstanding(): number {
    return this.#arrivals - this.#settled
  }

  get #settled(): number {
    return Object.values(this.#outcomes).reduce((sum, count) => sum + count, 0)
  }

  constructor(model: LoadPlan['model']) {
    this.#open = model === 'open'
  }

  arrived({ measured, intendedUs, dueUs }: LoadRequest): void {
    if (!measured) return
    this.#arrivals += 1
    if (this.#open) this.#lag.record(dueUs - intendedUs)
  }

  settled(request: LoadRequest, outcome: Outcome, atUs: number, bytes: number): void {
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
      this.#pointFailed += 1
      if (outcome !== 'unanswered') this.#failed.record(atUs - request.intendedUs)
    }
  }

  /** Closes the second at hand and opens the next. */
  closePoint(offsetMs: number): LoadPoint {
    const point: LoadPoint = {
      offsetMs: this.#pointStartMs,
      durationMs: offsetMs - this.#pointStartMs,
      ok: this.#pointLatency.n,
      failed: this.#pointFailed,
      p50Us: this.#pointLatency.percentile(0.5),
      p99Us: this.#pointLatency.percentile(0.99),
    }
    this.#points.push(point)
    this.#pointLatency.reset()
    this.#pointFailed = 0
    this.#pointStartMs = offsetMs
    return point
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
