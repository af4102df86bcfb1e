export interface FirstSignal {
  readonly signal: AbortSignal
  /** Lets go of the sources, which may live for much longer. */
  release(): void
}

/**
 * Fires with the first of several signals, or after `timeoutMs`. Not AbortSignal.any: Node 20 may lose
 * such a signal to the garbage collector. Here the sources hold on to it.
 */
export function firstSignal(
  sources: readonly (AbortSignal | undefined)[],
  timeoutMs?: number,
): FirstSignal {
  const controller = new AbortController()
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          controller.abort(new DOMException('it took too long', 'TimeoutError'))
        }, timeoutMs)
  const known = sources.filter((source) => source !== undefined)
  const stops = known.map((source) => {
    const stop = (): void => controller.abort(source.reason)
    source.addEventListener('abort', stop, { once: true })
    if (source.aborted) stop()
    return () => source.removeEventListener('abort', stop)
  })
  return {
    signal: controller.signal,
    release: () => {
      clearTimeout(timer)
      for (const stop of stops) stop()
    },
  }
}
