import type { UpstreamConnection } from './codec.ts'
import type { Framing } from './head.ts'

interface Piece {
  readonly chunk: Buffer
  readonly start: number
  readonly end: number
}

/** The request body as far as it has arrived, while another try may still need it. */
export class Replay {
  readonly #limitBytes: number
  #pieces: Piece[] | undefined
  #bytes = 0
  #trailers: string | undefined
  #dropped = false

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** More than is worth keeping: stop reading until connected, then forget it. */
  get full(): boolean {
    return this.#bytes > this.#limitBytes
  }

  get dropped(): boolean {
    return this.#dropped
  }

  add(chunk: Buffer, start: number, end: number): void {
    if (this.#dropped) return
    this.#pieces ??= []
    this.#pieces.push({ chunk, start, end })
    this.#bytes += end - start
  }

  end(trailers: string): void {
    this.#trailers = trailers
  }

  drop(): void {
    this.#dropped = true
    this.#pieces = undefined
  }

  write(upstream: UpstreamConnection, framing: Framing): void {
    if (this.#pieces !== undefined) {
      for (const { chunk, start, end } of this.#pieces) {
        upstream.sendData(framing, chunk, start, end)
      }
    }
    if (this.#trailers !== undefined) upstream.sendEnd(framing, this.#trailers)
  }
}
