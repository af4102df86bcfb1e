import { Distribution } from './distribution.ts'
import type { Failures, RecentLoad } from './protocol.ts'

/** Counts by cause. */
export type FailureCounts = Map<string, number>

export function count(failures: FailureCounts, cause: string, by = 1): void {
  failures.set(cause, (failures.get(cause) ?? 0) + by)
}

export function asRecord(failures: FailureCounts): Failures {
  return Object.fromEntries([...failures].sort(([, a], [, b]) => b - a))
}

interface Slot {
  readonly durationMs: number
  readonly latency: Distribution
  readonly failures: FailureCounts
}

/** The last points of a load that never ends, merged on demand; older ones are forgotten. */
export class Recent {
  readonly #windowMs: number
  readonly #slots: Slot[] = []

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  push(slot: Slot): RecentLoad {
    this.#slots.push(slot)
    let durationMs = this.#slots.reduce((sum, each) => sum + each.durationMs, 0)
    while (this.#slots.length > 1 && durationMs > this.#windowMs) {
      durationMs -= this.#slots.shift()?.durationMs ?? 0
    }
    const latency = new Distribution()
    const failures: FailureCounts = new Map()
    for (const each of this.#slots) {
      latency.add(each.latency)
      for (const [cause, times] of each.failures) count(failures, cause, times)
    }
    const any = latency.n > 0
    return {
      durationMs,
      ok: latency.n,
      failures: asRecord(failures),
      p50Us: any ? latency.roughly(0.5) : null,
      p99Us: any ? latency.roughly(0.99) : null,
    }
  }
}
