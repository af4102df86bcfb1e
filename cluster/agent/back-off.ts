const firstDelayMs = 1_000
const maxDelayMs = 300_000
/** A container that ran this long starts over with quick restarts, as in Kubernetes. */
const resetAfterMs = 600_000

/** How long to wait before each restart of a container: none, 1 s, 2 s, 4 s ... 5 min. */
export class BackOff {
  #restarts = 0

  /** `ranMs` = how long the run that just ended lasted. */
  next(ranMs: number): number {
    if (ranMs >= resetAfterMs) this.#restarts = 0
    this.#restarts += 1
    if (this.#restarts === 1) return 0
    return Math.min(firstDelayMs * 2 ** (this.#restarts - 2), maxDelayMs)
  }
}
