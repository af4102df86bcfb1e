import type { Pod } from '../kinds.ts'
import type { Condition } from '../objects.ts'
import { isPodReady } from './conditions.ts'

/** Timers of more than 24 days fire at once; and after a while the clock may be another. */
const longestWaitMs = 60_000

/**
 * Pods count as available once they have been ready for `minReadySeconds`. No event tells when that is,
 * so whoever asks is woken.
 */
export class Availability {
  readonly #wake: () => void
  #timer: NodeJS.Timeout | undefined
  #dueMs = Number.POSITIVE_INFINITY

  constructor(wake: () => void) {
    this.#wake = wake
  }

  isAvailable(pod: Pod, minReadySeconds = 0): boolean {
    if (!isPodReady(pod)) return false
    const waitMs = readySinceMs(pod) + minReadySeconds * 1_000 - Date.now()
    if (minReadySeconds === 0 || waitMs <= 0) return true
    this.#wakeIn(waitMs)
    return false
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #wakeIn(waitMs: number): void {
    const delayMs = Math.min(waitMs, longestWaitMs)
    if (performance.now() + delayMs >= this.#dueMs) return
    this.#dueMs = performance.now() + delayMs
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#dueMs = Number.POSITIVE_INFINITY
      this.#wake()
    }, delayMs).unref()
  }
}

function readySinceMs({ status }: Pod): number {
  const conditions: readonly Condition[] = status?.conditions ?? []
  const since = conditions.find(({ type }) => type === 'Ready')?.lastTransitionTime
  return since === undefined ? 0 : Date.parse(since)
}
