import { performance } from 'node:perf_hooks'

/**
 * Keeps something true for a while after it was last seen: what a proxy had already begun when it was
 * told otherwise needs that time to end.
 */
export class Linger {
  readonly #durationMs: number
  readonly #onEnd: () => void
  readonly #lastSeenMs = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined

  /** `onEnd` is called after something has ceased to be true. */
  constructor(durationMs: number, onEnd: () => void) {
    this.#durationMs = durationMs
    this.#onEnd = onEnd
  }

  see(key: string): void {
    this.#lastSeenMs.set(key, performance.now())
    this.#timer ??= setTimeout(() => this.#expire(), this.#durationMs).unref()
  }

  has(key: string): boolean {
    const seenMs = this.#lastSeenMs.get(key)
    return seenMs !== undefined && performance.now() - seenMs < this.#durationMs
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #expire(): void {
    this.#timer = undefined
    const nowMs = performance.now()
    let nextMs = Number.POSITIVE_INFINITY
    let ended = false
    for (const [key, seenMs] of this.#lastSeenMs) {
      const leftMs = seenMs + this.#durationMs - nowMs
      if (leftMs > 0) nextMs = Math.min(nextMs, leftMs)
      else ended = this.#lastSeenMs.delete(key)
    }
    if (nextMs < Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => this.#expire(), Math.ceil(nextMs)).unref()
    }
    if (ended) this.#onEnd()
  }
}
