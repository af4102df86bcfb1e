/**
 * Connections that are being made. What a proxy decided by an older snapshot it may still be carrying
 * out when it has applied the next one: the peer must not change hands before these have arrived.
 */
export class UnderWay {
  readonly #making = new Set<Promise<unknown>>()

  track<T>(making: Promise<T>): Promise<T> {
    this.#making.add(making)
    const ended = (): void => {
      this.#making.delete(making)
    }
    making.then(ended, ended)
    return making
  }

  /** Resolves when those of this moment have been made or have failed; later ones do not count. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#making])
  }
}
