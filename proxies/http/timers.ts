/** The clocks of one request; each runs at most once at a time. */
export class Timers {
  #request: NodeJS.Timeout | undefined
  #try: NodeJS.Timeout | undefined
  #backOff: NodeJS.Timeout | undefined

  /** Over all tries; started twice it goes on. */
  startRequest(timeoutMs: number | undefined, onEnd: () => void): void {
    if (timeoutMs !== undefined) this.#request ??= setTimeout(onEnd, timeoutMs)
  }

  startTry(timeoutMs: number | undefined, onEnd: () => void): void {
    if (timeoutMs !== undefined) this.#try = setTimeout(onEnd, timeoutMs)
  }

  startBackOff(delayMs: number, onEnd: () => void): void {
    this.#backOff = setTimeout(onEnd, delayMs)
  }

  endTry(): void {
    clearTimeout(this.#try)
    clearTimeout(this.#backOff)
  }

  end(): void {
    this.endTry()
    clearTimeout(this.#request)
  }
}
