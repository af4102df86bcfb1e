import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js'
import type { LatencySummary } from './protocol.ts'

/** R1 of the method: microseconds, three significant digits, up to a minute. */
const highestUs = 60_000_000

/** R2: a percentile is a figure only where at least this many samples lie beyond it. */
const samplesBeyond = 10

/** Durations in microseconds; merges without loss through its serialised histogram. */
export class Distribution {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: highestUs,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
  })
  #sumUs = 0
  #maxUs = 0

  get n(): number {
    return this.#histogram.totalCount
  }

  record(valueUs: number): void {
    const us = Math.min(Math.max(Math.round(valueUs), 0), highestUs)
    this.#histogram.recordValue(us)
    this.#sumUs += us
    if (us > this.#maxUs) this.#maxUs = us
  }

  /** Takes over everything that another one holds. */
  add(other: Distribution): void {
    this.#histogram.add(other.#histogram)
    this.#sumUs += other.#sumUs
    if (other.#maxUs > this.#maxUs) this.#maxUs = other.#maxUs
  }

  /** Null where the samples do not support it. `p` within 0..1. */
  percentile(p: number): number | null {
    return isSupported(this.n, p) ? this.#histogram.getValueAtPercentile(p * 100) : null
  }

  /** For indicators that need some figure at any number of samples; 0 without any. */
  roughly(p: number): number {
    return this.n === 0 ? 0 : this.#histogram.getValueAtPercentile(p * 100)
  }

  get max(): number {
    return this.#maxUs
  }

  summary(): LatencySummary {
    const empty = this.n === 0
    return {
      n: this.n,
      mean: empty ? null : this.#sumUs / this.n,
      p50: this.percentile(0.5),
      p75: this.percentile(0.75),
      p90: this.percentile(0.9),
      p95: this.percentile(0.95),
      p99: this.percentile(0.99),
      p999: this.percentile(0.999),
      max: empty ? null : this.#maxUs,
      histogram: encodeIntoCompressedBase64(this.#histogram),
    }
  }

  reset(): void {
    this.#histogram.reset()
    this.#sumUs = 0
    this.#maxUs = 0
  }
}

function isSupported(n: number, p: number): boolean {
  // 100 * (1 - 0.9) is 9.999999999999998.
  return n * (1 - p) >= samplesBeyond - 1e-6
}
