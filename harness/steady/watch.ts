import type { WarmUpPoint } from '../load/protocol.ts'
import type { Window } from '../result/schema.ts'
import { type Assessment, assess, type Slice } from './assess.ts'

/** Long enough for a median at 100 requests/s, short enough for four of them in a second. */
export const sliceMs = 250

/** Watches one warm-up and says when it may end. */
export interface SteadyWatch {
  /** True once, when the load has become steady and has lasted its least time. */
  slice(point: WarmUpPoint, cpuUs: number | null, rssBytes: number | null): boolean
  /** What goes into the window's record. */
  record(cutMs: number): NonNullable<Window['steady']>
}

export function watchWarmUp(limits: { readonly leastMs: number }): SteadyWatch {
  const slices: Slice[] = []
  let last: Assessment = assess(slices)
  let reached = false
  return {
    slice: (point, cpuUs, rssBytes) => {
      slices.push({
        p50Us: point.p50Us,
        ratePerSecond: ((point.ok + point.failed) / point.durationMs) * 1000,
        cpuUs: cpuUs === null ? null : cpuUs / point.durationMs,
        rssBytes,
      })
      if (reached) return false
      last = assess(slices)
      reached = last.steady && point.offsetMs + point.durationMs >= limits.leastMs
      return reached
    },
    record: (cutMs) => ({
      reached,
      cutMs,
      slices: slices.length,
      moving: Object.entries(last.tests)
        .filter(([, test]) => test.moving)
        .map(([name, { slope, step }]) => ({ series: name, slope, step })),
    }),
  }
}
