import { Duplex } from 'node:stream'
import { CODE, MAX_WINDOW_BYTES } from './frames.ts'
import { ReceiveWindow } from './receive-window.ts'

type Done = (error?: Error | null) => void

/** What a stream needs of the connection that carries it. */
export interface Carrier {
  /** How much of `wanted` bytes the connection's window and frame size let through now. */
  grant(wanted: number, stream: TunnelStream): number
  sendData(id: number, piece: Buffer): void
  sendEnd(id: number): void
  /** Runs once what was sent so far has left this process. */
  afterFlush(done: () => void): void
  /** By the application. `stream` is undefined when only the connection's window is owed them. */
  taken(bytes: number, stream: TunnelStream | undefined): void
  /** `code` when the peer does not know yet that the stream is over. */
  forget(stream: TunnelStream, code: number | undefined): void
}

/** How an attempt to open a stream ends, at the client's side. */
export interface Answer {
  /** The request has been sent. */
  expect(stream: TunnelStream, timeoutMs: number): void
  answered(status: number, stream: TunnelStream): void
  failed(error: Error, unprocessed: boolean): void
}

/**
 * One connection inside a tunnel, as a socket: bytes both ways, each with its own end. A reset with
 * NO_ERROR or CANCEL is an end, any other code an error. Destroyed before both ends it resets itself.
 */
export class TunnelStream extends Duplex {
  id = 0
  answer: Answer | undefined
  sendWindow = 0
  readonly receiveWindow: ReceiveWindow
  readonly #carrier: Carrier
  /** Arrived, while the reader pauses. */
  #held: Buffer[] = []
  #heldBytes = 0
  #paused = false
  /** The peer has sent its END_STREAM or a reset. */
  #remoteEnded = false
  #localEnded = false
  #reset = false
  #resetCode: number = CODE.cancel
  #pending: Buffer | undefined
  #written: Done | undefined

  constructor(carrier: Carrier, receiveWindowBytes: number) {
    super(OPTIONS)
    this.#carrier = carrier
    this.receiveWindow = new ReceiveWindow(receiveWindowBytes)
    // Whoever takes the stream adds its own; without one an early reset would end the process.
    this.on('error', ignore)
  }

  /** Ends it at once, without waiting for either direction. */
  cancel(code: number = CODE.cancel): void {
    this.#resetCode = code
    this.destroy()
  }

  get remoteEnded(): boolean {
    return this.#remoteEnded
  }

  /** The answer's headers carried END_STREAM; the peer is told that nobody reads what it may still send. */
  endedByHeaders(): void {
    this.#localEnded = true
    this.cancel(CODE.noError)
  }

  // ---- from the peer

  receive(piece: Buffer, end: boolean): void {
    if (piece.length > 0) {
      if (this.#paused || this.destroyed) {
        this.#held.push(piece)
        this.#heldBytes += piece.length
      } else {
        this.#paused = !this.push(piece)
        this.#carrier.taken(piece.length, this)
      }
    }
    if (end) this.#end()
  }

  receiveReset(code: number): void {
    this.#reset = true
    if (this.answer) {
      this.#remoteEnded = true
      this.fail(new Error(`stream reset with code ${code}`), code === CODE.refusedStream)
      return
    }
    if (code !== CODE.noError && code !== CODE.cancel) {
      this.#remoteEnded = true
      this.destroy(new Error(`stream reset with code ${code}`))
      return
    }
    this.#settle()
    this.#over()
    if (this.readableEnded) {
      this.destroy()
      return
    }
    this.once('end', () => this.destroy())
    this.#end()
  }

  /** The window grew, this stream's or the connection's. */
  unblock(): void {
    if (this.#pending) this.#pump()
  }

  /** false: beyond what a window may be. */
  widen(bytes: number): boolean {
    this.sendWindow += bytes
    if (this.sendWindow > MAX_WINDOW_BYTES) return false
    if (this.#pending && this.sendWindow > 0) this.#pump()
    return true
  }

  /** Before the 200. */
  fail(error: Error, unprocessed: boolean): void {
    const { answer } = this
    this.answer = undefined
    this.destroy()
    answer?.failed(error, unprocessed)
  }

  #end(): void {
    if (this.#remoteEnded) return
    this.#remoteEnded = true
    if (!this.#paused && this.#held.length === 0) this.push(null)
    if (this.#localEnded) this.#over()
  }

  /** Both ends were said: to the peer this stream is no more, whatever is still to be read. */
  #over(): void {
    this.#carrier.forget(this, undefined)
  }

  // ---- from the application

  override _read(): void {
    this.#paused = false
    if (this.#held.length === 0) return
    let taken = 0
    while (!this.#paused) {
      const piece = this.#held.shift()
      if (!piece) break
      taken += piece.length
      this.#paused = !this.push(piece)
    }
    this.#heldBytes -= taken
    this.#carrier.taken(taken, this.#remoteEnded ? undefined : this)
    if (this.#remoteEnded && this.#held.length === 0) this.push(null)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    if (this.#reset || chunk.length === 0) {
      done()
      return
    }
    this.#pending = chunk
    this.#written = done
    this.#pump()
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'latin1', done)
  }

  override _final(done: Done): void {
    if (!this.#reset && !this.#localEnded) {
      this.#localEnded = true
      this.#carrier.sendEnd(this.id)
      if (this.#remoteEnded) this.#over()
    }
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    const over = this.#reset || (this.#remoteEnded && this.#localEnded)
    const owed = this.#heldBytes
    this.#held = []
    this.#heldBytes = 0
    this.#settle()
    if (owed > 0) this.#carrier.taken(owed, undefined)
    this.#carrier.forget(this, over ? undefined : this.#resetCode)
    const { answer } = this
    this.answer = undefined
    answer?.failed(error ?? new Error('tunnel closed before its answer'), false)
    done(error)
  }

  #pump(): void {
    while (this.#pending) {
      const wanted = Math.min(this.#pending.length, this.sendWindow)
      const granted = wanted > 0 ? this.#carrier.grant(wanted, this) : 0
      if (granted <= 0) return
      const whole = granted === this.#pending.length
      const piece = whole ? this.#pending : this.#pending.subarray(0, granted)
      this.#pending = whole ? undefined : this.#pending.subarray(granted)
      this.sendWindow -= granted
      this.#carrier.sendData(this.id, piece)
    }
    this.#carrier.afterFlush(this.#onFlushed)
  }

  readonly #onFlushed = (): void => this.#settle()

  #settle(): void {
    this.#pending = undefined
    const done = this.#written
    this.#written = undefined
    done?.()
  }
}

/** Sockets have the same; the windows hold back what is beyond it. */
const BUFFER_BYTES = 128 * 1024
const OPTIONS = { allowHalfOpen: true, highWaterMark: BUFFER_BYTES } as const

function ignore(): void {}
