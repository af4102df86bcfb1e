import type { Duplex } from 'node:stream'

/**
 * Gathers what one read event produces for the other side, so that a head and its body leave in
 * one write: one system call, one TLS record.
 *
 * Up to `JOIN_BYTES` everything is copied into one buffer, since TLS would join several anyway and
 * a copy of a few KiB is cheaper than a second write. Above that, buffers are written as they are.
 */
const JOIN_BYTES = 16 * 1024

export class Output {
  readonly #socket: Duplex
  readonly #pieces: (string | Buffer)[] = []
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  #bytes = 0
  #blocked = false

  constructor(socket: Duplex) {
    this.#socket = socket
  }

  /** The socket's buffer is full; its `drain` event ends that. */
  get blocked(): boolean {
    return this.#blocked
  }

  drained(): void {
    this.#blocked = false
  }

  /** Latin1 text: heads, chunk sizes. */
  text(text: string): void {
    this.#pieces.push(text)
    this.#starts.push(0)
    this.#ends.push(text.length)
    this.#bytes += text.length
  }

  data(chunk: Buffer, start: number, end: number): void {
    this.#pieces.push(chunk)
    this.#starts.push(start)
    this.#ends.push(end)
    this.#bytes += end - start
  }

  flush(): void {
    const count = this.#pieces.length
    if (count === 0) return
    if (count === 1) this.#blocked = !this.#write(0)
    else if (this.#bytes <= JOIN_BYTES) this.#blocked = !this.#socket.write(this.#joined())
    else {
      this.#socket.cork()
      for (let i = 0; i < count; i++) this.#blocked = !this.#write(i)
      this.#socket.uncork()
    }
    this.#pieces.length = 0
    this.#starts.length = 0
    this.#ends.length = 0
    this.#bytes = 0
  }

  #write(index: number): boolean {
    const piece = this.#pieces[index] as string | Buffer
    if (typeof piece === 'string') return this.#socket.write(piece, 'latin1')
    const start = this.#starts[index] as number
    const end = this.#ends[index] as number
    const whole = start === 0 && end === piece.length
    return this.#socket.write(whole ? piece : piece.subarray(start, end))
  }

  #joined(): Buffer {
    const joined = Buffer.allocUnsafe(this.#bytes)
    let at = 0
    for (let i = 0; i < this.#pieces.length; i++) {
      const piece = this.#pieces[i] as string | Buffer
      if (typeof piece === 'string') at += joined.write(piece, at, 'latin1')
      else at += piece.copy(joined, at, this.#starts[i], this.#ends[i])
    }
    return joined
  }
}
