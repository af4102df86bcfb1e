import { setMaxListeners } from 'node:events'

/**
 * The first Ctrl-C (or SIGTERM) asks everything to stop and keep what it has; the second is not
 * caught any more, so it kills at once, and all children follow when their IPC channel closes.
 */
export function stopOnSignals(onStop: (signal: NodeJS.Signals) => void): AbortSignal {
  const controller = new AbortController()
  // Every request under way listens to it; Node would call more than ten a leak.
  setMaxListeners(0, controller.signal)
  const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM']
  const stop = (signal: NodeJS.Signals): void => {
    for (const each of signals) process.removeListener(each, stop)
    onStop(signal)
    controller.abort(new Error(`stopped by ${signal}`))
  }
  for (const signal of signals) process.on(signal, stop)
  return controller.signal
}
