import { setTimeout as sleep } from 'node:timers/promises'
import type { Window } from '../result/schema.ts'
import { nodeCpuBetween, readNodeCounters } from '../sample/node.ts'
import { quietBusyShare } from '../validity/thresholds.ts'

export type Quiet = NonNullable<Window['quiet']>

/** Busy time comes in ticks of 10 ms per CPU: a slice of ten still tells 10 % from nothing. */
const sliceMs = 100

/** The end of another program is worth this much waiting, and no more: it may be there to stay. */
const longestMs = 2_000

export interface QuietWait {
  /** Until the machine was idle for one slice, or the time for it is used up. */
  next(signal?: AbortSignal): Promise<Quiet>
}

/**
 * Waits before windows for an idle machine (R12 of the method). All windows together may wait for a
 * tenth of what measuring takes: on a machine that never rests a run is not to take twice as long.
 */
export function waitForQuiet(
  measuringMs: number,
  busyShareOver: (ms: number, signal?: AbortSignal) => Promise<number> = observeMachine,
): QuietWait {
  let leftMs = Math.max(longestMs, measuringMs / 10)
  return {
    next: async (signal) => {
      const mayWaitMs = Math.min(longestMs, leftMs)
      let waitedMs = 0
      let busyShare: number
      do {
        busyShare = await busyShareOver(sliceMs, signal)
        waitedMs += sliceMs
      } while (busyShare > quietBusyShare && waitedMs < mayWaitMs)
      leftMs -= waitedMs - sliceMs
      return { reached: busyShare <= quietBusyShare, waitedMs, busyShare }
    },
  }
}

async function observeMachine(ms: number, signal?: AbortSignal): Promise<number> {
  const before = readNodeCounters()
  await sleep(ms, undefined, { signal })
  const { busyUs, wallMs, cores } = nodeCpuBetween(before, readNodeCounters(), 0, 0)
  return busyUs / (wallMs * 1000 * cores)
}
