import type { Socket } from 'node:net'

/** Below this, one copy costs less than what TLS does per buffer. */
const JOIN_BYTES = 64 * 1024
/** Answers a peer can make us owe it (PING, SETTINGS, resets) while it reads none of them. */
const MAX_OWED_FRAMES = 1_000

/**
 * Frames on their way out. All that one turn of the event loop produces goes in one write, so that a
 * HEADERS and its DATA, and the frames of many streams, share a TLS record and a system call.
 */
export class Output {
  readonly #socket: Socket
  #frames: Buffer[] = []
  #bytes = 0
  #waiting: (() => void)[] = []
  #scheduled = false
  #blocked = false
  #owed = 0

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('drain', () => this.#drained())
  }

  push(frame: Buffer): void {
    this.#frames.push(frame)
    this.#bytes += frame.length
    if (this.#scheduled || this.#blocked) return
    this.#scheduled = true
    setImmediate(this.flush)
  }

  /** false: the peer makes work and does not take its results. */
  pushOwed(frame: Buffer): boolean {
    this.#owed += 1
    this.push(frame)
    return this.#owed <= MAX_OWED_FRAMES
  }

  afterFlush(done: () => void): void {
    this.#waiting.push(done)
  }

  /** The connection is over: nothing is sent any more, and nobody waits. */
  abandon(): void {
    this.#frames = []
    this.#drained()
  }

  readonly flush = (): void => {
    this.#scheduled = false
    if (this.#frames.length === 0 || this.#socket.destroyed) return
    const frames = this.#frames
    this.#frames = []
    if (frames.length === 1 || this.#bytes <= JOIN_BYTES) {
      const [first] = frames
      const only = frames.length === 1 && first ? first : Buffer.concat(frames, this.#bytes)
      this.#blocked = !this.#socket.write(only)
    } else {
      this.#socket.cork()
      for (const frame of frames) this.#blocked = !this.#socket.write(frame)
      this.#socket.uncork()
    }
    this.#bytes = 0
    if (!this.#blocked) this.#drained()
  }

  #drained(): void {
    this.#blocked = false
    this.#owed = 0
    const waiting = this.#waiting
    this.#waiting = []
    for (const done of waiting) done()
    if (this.#frames.length > 0 && !this.#scheduled) this.flush()
  }
}
