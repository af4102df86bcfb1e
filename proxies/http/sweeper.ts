import { performance } from 'node:perf_hooks'

/** Something that must not wait for ever. `deadlineMs` is on the clock of `performance.now()`. */
export interface Expiring {
  readonly deadlineMs: number
  expire(nowMs: number): void
}

const INTERVAL_MS = 500

/**
 * One timer for the timeouts of all connections. Moving a deadline is then an assignment, where a
 * timer each would cost every request two list operations; timeouts of many seconds need no more.
 */
export class Sweeper {
  readonly #watched = new Set<Expiring>()
  #timer: NodeJS.Timeout | undefined

  add(watched: Expiring): void {
    this.#watched.add(watched)
    this.#timer ??= setInterval(() => this.#sweep(), INTERVAL_MS).unref()
  }

  delete(watched: Expiring): void {
    this.#watched.delete(watched)
    if (this.#watched.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #sweep(): void {
    const nowMs = performance.now()
    for (const watched of this.#watched) if (watched.deadlineMs <= nowMs) watched.expire(nowMs)
  }
}
