import { nowUs } from './clock.ts'
import type { TracedRequest } from './protocol.ts'
import type { LoadRequest, Outcome } from './request.ts'

/** Often enough to follow a load live, seldom enough to cost nothing beside it. */
const flushMs = 100

/** Every request of a load by itself, in batches. */
export class Trace {
  /** Epoch minus our own clock: requests of several generators are laid side by side. */
  readonly #epochUs = (performance.timeOrigin + performance.now()) * 1e3 - nowUs()
  readonly #emit: (requests: readonly TracedRequest[]) => void
  readonly #timer: NodeJS.Timeout
  #batch: TracedRequest[] = []

  constructor(emit: (requests: readonly TracedRequest[]) => void) {
    this.#emit = emit
    this.#timer = setInterval(() => this.flush(), flushMs)
  }

  settled(request: LoadRequest, outcome: Outcome, atUs: number, cause: string = outcome): void {
    if (!request.measured) return
    const intendedMs = Math.round(this.#epochUs + request.intendedUs) / 1e3
    const latencyUs = Math.round(atUs - request.intendedUs)
    const where = request.target === undefined ? '' : ` at ${request.target}`
    const failure = outcome === 'ok' ? null : `${cause}${where}`
    if (request.retries !== undefined) {
      this.#batch.push([intendedMs, latencyUs, failure, request.retries])
    } else if (failure === null) this.#batch.push([intendedMs, latencyUs])
    else this.#batch.push([intendedMs, latencyUs, failure])
  }

  flush(): void {
    if (this.#batch.length === 0) return
    const requests = this.#batch
    this.#batch = []
    this.#emit(requests)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
