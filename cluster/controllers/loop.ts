/** Brings the cluster closer to what it should be; runs again after every change and every failure. */
export interface Loop {
  trigger(): void
  /** Resolves when a run in progress has ended; no further one starts. */
  stop(): Promise<void>
}

export interface LoopOptions {
  /** Changes that arrive within this time are handled by one run. */
  readonly debounceMs?: number
  readonly onError: (error: unknown) => void
}

const firstRetryMs = 50
const lastRetryMs = 5_000

/** Runs never overlap, and a trigger during a run leads to one more. */
export function createLoop(run: () => void | Promise<void>, options: LoopOptions): Loop {
  let state: 'idle' | 'scheduled' | 'running' | 'again' | 'stopped' = 'idle'
  let timer: NodeJS.Timeout | NodeJS.Immediate | undefined
  let current: Promise<void> = Promise.resolve()
  let retryMs = firstRetryMs

  const schedule = (delayMs: number): void => {
    state = 'scheduled'
    const start = (): void => {
      state = 'running'
      current = once()
    }
    timer = delayMs === 0 ? setImmediate(start) : setTimeout(start, delayMs)
  }
  const once = async (): Promise<void> => {
    let failed = false
    try {
      await run()
      retryMs = firstRetryMs
    } catch (error) {
      failed = true
      options.onError(error)
    }
    if (isStopped()) return
    if (failed) {
      schedule(retryMs)
      retryMs = Math.min(retryMs * 2, lastRetryMs)
    } else if (state === 'again') schedule(options.debounceMs ?? 0)
    else state = 'idle'
  }
  const isStopped = (): boolean => state === 'stopped'

  return {
    trigger: () => {
      if (state === 'idle') schedule(options.debounceMs ?? 0)
      else if (state === 'running') state = 'again'
    },
    stop: async () => {
      state = 'stopped'
      clearTimeout(timer as NodeJS.Timeout)
      clearImmediate(timer as NodeJS.Immediate)
      await current
    },
  }
}

/** Triggers the loop on every change of these kinds, and once for what is there already. */
export function triggerOn(
  loop: Loop,
  informers: readonly { onChange(listener: () => void): void }[],
): Loop {
  for (const informer of informers) informer.onChange(() => loop.trigger())
  loop.trigger()
  return loop
}
