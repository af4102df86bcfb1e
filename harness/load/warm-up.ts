import { Distribution } from './distribution.ts'
import type { WarmUpPoint } from './protocol.ts'

/** What the load looks like before it counts, slice by slice: whoever asked decides when it is steady. */
export class WarmUp {
  readonly #latency = new Distribution()
  #failed = 0
  #startMs = 0

  settled(ok: boolean, latencyUs: number): void {
    if (ok) this.#latency.record(latencyUs)
    else this.#failed += 1
  }

  close(offsetMs: number): WarmUpPoint {
    const point = {
      offsetMs: this.#startMs,
      durationMs: offsetMs - this.#startMs,
      ok: this.#latency.n,
      failed: this.#failed,
      p50Us: this.#latency.n === 0 ? null : this.#latency.roughly(0.5),
    }
    this.#latency.reset()
    this.#failed = 0
    this.#startMs = offsetMs
    return point
  }
}
