export interface RunClock {
  beginWindow(position: number): void
  remainingMs(): number
}

/** Time left: by what windows took so far, and by their plan before there is one. */
export function startClock(
  total: number,
  plannedWindowMs: number,
  now: () => number = () => performance.now(),
): RunClock {
  const startedAt = now()
  let windowStartedAt = startedAt
  let done = 0
  return {
    beginWindow: (position) => {
      done = position
      windowStartedAt = now()
    },
    remainingMs: () => {
      const each = done === 0 ? plannedWindowMs : (windowStartedAt - startedAt) / done
      return Math.max(0, (total - done) * each - (now() - windowStartedAt))
    },
  }
}
