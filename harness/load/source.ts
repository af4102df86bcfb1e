import { type ArrivalPattern, arrivalTimes } from './arrivals.ts'
import { nowUs } from './clock.ts'
import { isDue, prepareWakeUp } from './wake-up.ts'

/** Where requests come from. Every method may be called at any time; only started sources emit. */
export interface Source {
  start(startUs: number, endUs: number): void
  /** A connection came free and nothing waited for it. */
  connectionIdle(): void
  /** Trying to connect failed, on no request's behalf. */
  attemptFailed(): void
  /** Moves the end to an earlier moment. */
  endAt(endUs: number): void
  /** Everything up to the end has come, even what no wake-up told of yet. */
  finish(): void
  stop(): void
}

/** Emits arrivals at their moments whatever the server does. */
export async function openLoop(
  pattern: ArrivalPattern,
  arrive: (intendedUs: number, atUs: number) => void,
  onError: (error: Error) => void,
): Promise<Source> {
  const next = arrivalTimes(pattern)
  let origin = 0
  let end = 0
  let due = Infinity
  const emitDue = (): void => {
    while (due < end && isDue(due)) {
      const intended = due
      due = origin + next()
      arrive(intended, nowUs())
    }
  }
  const wakeUp = await prepareWakeUp({ pattern, onWake: emitDue, onError })
  return {
    start: (startUs, endUs) => {
      origin = startUs
      end = endUs
      due = origin + next()
      wakeUp.start({ startUs, endUs })
    },
    // Under load the answers themselves wake us often enough; a look at the clock is cheap.
    connectionIdle: () => {
      if (due <= nowUs()) emitDue()
    },
    attemptFailed: () => {},
    // The helper thread goes on waking until it is stopped; without due arrivals that does nothing.
    endAt: (endUs) => {
      end = Math.min(end, endUs)
    },
    finish: emitDue,
    stop: () => {
      end = 0
      wakeUp.stop()
    },
  }
}

export interface ClosedLoopPool {
  readonly hasFree: boolean
}

/** Every connection sends its next request when the last one is settled. */
export function closedLoop(
  pool: ClosedLoopPool,
  arrive: (intendedUs: number, atUs: number) => void,
  fail: (atUs: number) => void,
): Source {
  let end = 0
  let latest = Infinity
  let begin: NodeJS.Timeout | undefined
  const running = (): boolean => nowUs() < end
  const pull = (): void => {
    const now = nowUs()
    arrive(now, now)
  }
  return {
    start: (startUs, endUs) => {
      // A timer may fire just before its time: rather a moment late than a request too early.
      const waitMs = Math.ceil((startUs - nowUs()) / 1e3) + 1
      begin = setTimeout(() => {
        end = Math.min(latest, endUs)
        while (pool.hasFree && running()) pull()
      }, waitMs)
    },
    connectionIdle: () => {
      if (running()) pull()
    },
    attemptFailed: () => {
      if (running()) fail(nowUs())
    },
    endAt: (endUs) => {
      latest = endUs
      end = Math.min(end, endUs)
    },
    finish: () => {},
    stop: () => {
      clearTimeout(begin)
      end = 0
    },
  }
}
