import type { UpstreamConnection } from './codec.ts'
import type { Framing } from './head.ts'

export type BodySink = Pick<UpstreamConnection, 'sendData' | 'sendEnd'>

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
  #copies: readonly BodySink[] = []
  #framing: Framing = 'none'

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
    for (const copy of this.#copies) copy.sendData(this.#framing, chunk, start, end)
    if (this.#dropped) return
    this.#pieces ??= []
    this.#pieces.push({ chunk, start, end })
    this.#bytes += end - start
  }

  end(trailers: string): void {
    for (const copy of this.#copies) copy.sendEnd(this.#framing, trailers)
    this.#trailers = trailers
  }

  /** These get all of the body too, whatever becomes of what is kept here. */
  copyTo(copies: readonly BodySink[], framing: Framing): void {
    this.#copies = copies
    this.#framing = framing
    for (const copy of copies) this.write(copy, framing)
  }

  drop(): void {
    this.#dropped = true
    this.#pieces = undefined
  }

  write(upstream: BodySink, framing: Framing): void {
    if (this.#pieces !== undefined) {
      for (const { chunk, start, end } of this.#pieces) {
        upstream.sendData(framing, chunk, start, end)
      }
    }
    if (this.#trailers !== undefined) upstream.sendEnd(framing, this.#trailers)
  }
}
