import type { Socket } from 'node:net'
import {
  CODE,
  ConnectionError,
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  FLAG,
  FRAME,
  frame,
  frameOf32,
  goawayFrame,
  HEAD_BYTES,
  MAX_WINDOW_BYTES,
  SETTING,
  writeHead,
} from './frames.ts'
import { Output } from './output.ts'
import type { TunnelStream } from './tunnel-stream.ts'

/** Copied behind their head, so that the pair is one buffer. */
const SMALL_BYTES = 4 * 1024

/** The sending half of a connection: frames out, within what the peer allows. */
export class Sender {
  readonly #output: Output
  readonly #blocked = new Set<TunnelStream>()
  #window = DEFAULT_WINDOW_BYTES
  #maxFrameBytes = DEFAULT_FRAME_BYTES
  #streamWindow = DEFAULT_WINDOW_BYTES
  #maxStreams: number | undefined
  #over = false

  constructor(socket: Socket) {
    this.#output = new Output(socket)
  }

  /** A new stream's window. */
  get streamWindow(): number {
    return this.#streamWindow
  }

  /** Unknown until the peer's SETTINGS have come. */
  get maxStreams(): number | undefined {
    return this.#maxStreams
  }

  send(bytes: Buffer): void {
    if (!this.#over) this.#output.push(bytes)
  }

  /** For what a peer can make us send: it has to read the answers too. */
  sendOwed(bytes: Buffer): void {
    if (this.#over || this.#output.pushOwed(bytes)) return
    throw new ConnectionError(CODE.enhanceYourCalm, 'too many frames to answer')
  }

  headers(id: number, block: Buffer, end: boolean): void {
    if (block.length > this.#maxFrameBytes) throw new Error('a header block too long for a frame')
    const flags = FLAG.endHeaders | (end ? FLAG.endStream : 0)
    this.send(frame(FRAME.headers, flags, id, block))
  }

  reset(id: number, code: number): void {
    this.sendOwed(frameOf32(FRAME.reset, id, code))
  }

  ping(): void {
    this.send(frame(FRAME.ping, 0, 0, Buffer.alloc(8)))
  }

  /** At once: what follows may be the end of the connection. */
  goaway(lastStream: number, code: number): void {
    this.send(goawayFrame(lastStream, code))
    this.flush()
  }

  windowUpdate(id: number, bytes: number): void {
    if (bytes > 0) this.send(frameOf32(FRAME.windowUpdate, id, bytes))
  }

  grant(wanted: number, stream: TunnelStream): number {
    if (this.#window <= 0) {
      this.#blocked.add(stream)
      return 0
    }
    return Math.min(wanted, this.#window, this.#maxFrameBytes)
  }

  data(id: number, piece: Buffer): void {
    this.#window -= piece.length
    if (piece.length <= SMALL_BYTES) {
      this.send(frame(FRAME.data, 0, id, piece))
      return
    }
    const head = Buffer.allocUnsafe(HEAD_BYTES)
    writeHead(head, piece.length, FRAME.data, 0, id)
    this.send(head)
    this.send(piece)
  }

  end(id: number): void {
    this.send(frame(FRAME.data, FLAG.endStream, id))
  }

  afterFlush(done: () => void): void {
    if (this.#over) done()
    else this.#output.afterFlush(done)
  }

  forget(stream: TunnelStream): void {
    this.#blocked.delete(stream)
  }

  flush(): void {
    if (!this.#over) this.#output.flush()
  }

  /** The connection is over: nothing is sent any more, and nobody waits. */
  abandon(): void {
    this.#over = true
    this.#blocked.clear()
    this.#output.abandon()
  }

  // ---- what the peer allows

  widen(bytes: number): void {
    if (bytes === 0) throw new ConnectionError(CODE.protocol, 'an empty window update')
    this.#window += bytes
    if (this.#window > MAX_WINDOW_BYTES) throw windowTooLarge()
    const blocked = [...this.#blocked]
    this.#blocked.clear()
    for (const stream of blocked) stream.unblock()
  }

  /** Others than these are none of a sender's business, or unknown and to be ignored. */
  apply(payload: Buffer, streams: Iterable<TunnelStream>): void {
    if (payload.length % 6 !== 0) throw new ConnectionError(CODE.frameSize, 'odd SETTINGS')
    for (let at = 0; at < payload.length; at += 6) {
      const value = payload.readUInt32BE(at + 2)
      switch (payload.readUInt16BE(at)) {
        case SETTING.maxConcurrentStreams:
          this.#maxStreams = value
          break
        case SETTING.maxFrameSize:
          if (value < DEFAULT_FRAME_BYTES || value >= 2 ** 24) {
            throw new ConnectionError(CODE.protocol, `frames of ${value} bytes`)
          }
          this.#maxFrameBytes = value
          break
        case SETTING.initialWindowSize: {
          if (value > MAX_WINDOW_BYTES) throw windowTooLarge()
          const more = value - this.#streamWindow
          this.#streamWindow = value
          for (const stream of streams) if (!stream.widen(more)) throw windowTooLarge()
        }
      }
    }
    this.sendOwed(frame(FRAME.settings, FLAG.ack, 0))
  }
}

function windowTooLarge(): ConnectionError {
  return new ConnectionError(CODE.flowControl, 'a window beyond 2^31-1')
}
