import { CR, LF } from './bytes.ts'
import { MalformedMessage } from './errors.ts'
import type { HttpLimits } from './limits.ts'

/**
 * Gathers a head that arrives in pieces. Each new byte is looked at once, so a client dripping
 * bytes costs no more than one that sends them together; the parser runs when the end is there.
 */
export class PartialHead {
  #buffer: Buffer
  #length = 0
  readonly #limits: HttpLimits

  constructor(limits: HttpLimits) {
    this.#buffer = Buffer.allocUnsafe(1024)
    this.#limits = limits
  }

  get length(): number {
    return this.#length
  }

  /** Returns the gathered bytes once the empty line that ends a head is among them. */
  add(chunk: Buffer, from: number): Buffer | undefined {
    const needed = this.#length + chunk.length - from
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
      this.#buffer.copy(grown, 0, 0, this.#length)
      this.#buffer = grown
    }
    chunk.copy(this.#buffer, this.#length, from)
    const scanned = this.#length
    this.#length = needed
    if (this.#hasEnd(scanned)) return this.#buffer.subarray(0, needed)
    if (needed > this.#limits.headBytes) {
      throw new MalformedMessage(`a head of more than ${this.#limits.headBytes} bytes`, 431)
    }
    return undefined
  }

  #hasEnd(from: number): boolean {
    const bytes = this.#buffer.subarray(0, this.#length)
    for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
      if (bytes[at - 1] !== CR) throw new MalformedMessage('a line ends in a bare LF')
      // An empty line right at the start does not end anything yet.
      if (at >= 3 && bytes[at - 2] === LF) return true
    }
    return false
  }
}
