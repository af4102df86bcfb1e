/** Less is what time servers correct all the time. */
const noticedMs = 5_000
const lookEveryMs = 1_000

export interface ClockReadings {
  readonly wallMs: () => number
  readonly monotonicMs: () => number
}

export interface Clock {
  stop(): void
}

/**
 * Notices when the time of day has moved by itself: set by hand, or after the machine slept. Timers go
 * on as before, but what is valid until a time of day is not (certificates).
 */
export function watchClock(
  onJump: (jumpMs: number) => void,
  readings: ClockReadings = { wallMs: Date.now, monotonicMs: () => performance.now() },
): Clock {
  const offset = (): number => readings.wallMs() - readings.monotonicMs()
  let known = offset()
  const timer = setInterval(() => {
    const now = offset()
    const jumpMs = now - known
    known = now
    if (Math.abs(jumpMs) >= noticedMs) onJump(jumpMs)
  }, lookEveryMs)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}

/** `forward by 3600 s`. */
export function describeJump(jumpMs: number): string {
  return `${jumpMs > 0 ? 'forward' : 'back'} by ${Math.round(Math.abs(jumpMs) / 1000)} s`
}
