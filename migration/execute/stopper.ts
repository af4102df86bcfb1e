import { setMaxListeners } from 'node:events'
import type { HeldLease } from './lease.ts'

export interface Stopper {
  readonly signal: AbortSignal
  /** Undefined as long as nobody wants it to stop. */
  readonly why: () => string | undefined
  /** Listens no longer. */
  end(): void
}

/** One signal for Ctrl-C and for a lost lease: Node 20 may lose what AbortSignal.any makes. */
export function stopper(asked: AbortSignal | undefined, lease: HeldLease): Stopper {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  let why: string | undefined
  const stop = (reason: string): void => {
    why ??= reason
    controller.abort(new Error(why))
  }
  const onAsked = (): void => stop('it was interrupted; run apply again to go on')
  const onLost = (): void => stop(`the lease was lost: ${lease.lost}`)
  asked?.addEventListener('abort', onAsked, { once: true })
  lease.signal.addEventListener('abort', onLost, { once: true })
  if (asked?.aborted) onAsked()
  return {
    signal: controller.signal,
    why: () => why,
    end: () => {
      asked?.removeEventListener('abort', onAsked)
      lease.signal.removeEventListener('abort', onLost)
    },
  }
}
