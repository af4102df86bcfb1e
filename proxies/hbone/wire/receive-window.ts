import { CODE, ConnectionError } from './frames.ts'

/**
 * What a peer may still send (RFC 9113 section 5.2). It is given back in halves of the whole, so that a
 * transfer never stops for an update and updates stay few.
 */
export class ReceiveWindow {
  readonly #size: number
  #left: number
  #taken = 0

  constructor(size: number) {
    this.#size = size
    this.#left = size
  }

  /** Bytes came. */
  use(bytes: number): void {
    this.#left -= bytes
    if (this.#left < 0) throw new ConnectionError(CODE.flowControl, 'more than the window allows')
  }

  /** The application took them; returns how much to give back now, mostly nothing. */
  take(bytes: number): number {
    this.#taken += bytes
    if (this.#taken < this.#size / 2) return 0
    const given = this.#taken
    this.#taken = 0
    this.#left += given
    return given
  }
}
