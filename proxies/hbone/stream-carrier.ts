import { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { destroySide } from './end-stream.ts'

/** For what waits behind a write that will never end to be thrown away, in turns of the event loop. */
const LAST_WRITES_MS = 100

/**
 * A tunnel's stream under an HTTP/2 session. node puts a JSStreamSocket between the two, which ends the
 * process by an assertion when the stream closes while a write of the session is under way, and when
 * the session writes while the socket's end is. Above a carrier every write and every end ends well:
 * once the stream has ended or gone, at once.
 */
export class StreamCarrier extends Duplex {
  readonly #stream: Duplex
  #gone = false
  #ended = false
  #pending: (() => void) | undefined

  constructor(stream: Duplex) {
    super({ allowHalfOpen: false })
    this.#stream = stream
    stream.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stream.pause()
    })
    stream.on('end', () => this.#end())
    stream.on('error', () => {})
    stream.on('close', () => {
      this.#drop()
      this.#end()
    })
  }

  override _read(): void {
    this.#stream.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#await(done, (written) => this.#stream.write(chunk, written))
  }

  /** What the session writes in one go leaves in one go. */
  override _writev(
    pieces: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#await(done, (written) => {
      this.#stream.cork()
      pieces.forEach(({ chunk }, n) => {
        this.#stream.write(chunk, n === pieces.length - 1 ? written : undefined)
      })
      this.#stream.uncork()
    })
  }

  override _final(done: () => void): void {
    if (!this.#ended) {
      this.#await(done, (written) => this.#stream.end(written))
      return
    }
    // The JSStreamSocket ends its side because the peer has; the session does not know and still writes.
    this.#stream.end()
    done()
  }

  /** The session above finds its last writes done and ends by itself. */
  override destroy(): this {
    if (this.#gone && this.destroyed) return this
    destroySide(this.#stream)
    this.#drop()
    setTimeout(() => {
      // Destroyed without an end it would never tell the JSStreamSocket that there is one.
      if (!this.writableEnded) this.end()
      super.destroy()
    }, LAST_WRITES_MS).unref()
    return this
  }

  #await(done: () => void, start: (written: () => void) => void): void {
    if (this.#gone || this.#stream.destroyed || this.#stream.closed) {
      done()
      return
    }
    this.#pending = done
    start(() => this.#settle())
  }

  #settle(): void {
    const done = this.#pending
    this.#pending = undefined
    done?.()
  }

  #drop(): void {
    this.#gone = true
    this.#settle()
  }

  #end(): void {
    this.#ended = true
    if (!this.readableEnded && !this.destroyed) this.push(null)
  }
}

/** What an HTTP/2 session may be built on. */
export function carrierOf(socket: Duplex): Duplex {
  return socket instanceof Socket ? socket : new StreamCarrier(socket)
}
