import { CODE, ConnectionError, FLAG, FRAME, HEAD_BYTES } from './frames.ts'

export interface FrameSink {
  /** DATA without padding, piece by piece as it arrives; `end` comes with the last piece only. */
  onData(stream: number, piece: Buffer, end: boolean): void
  onFrame(type: number, flags: number, stream: number, payload: Buffer): void
}

/** More than the largest header list either side of a tunnel takes, and no other frame comes near. */
const MAX_CONTROL_BYTES = 80 * 1024

const EMPTY = Buffer.alloc(0)

/**
 * Bytes in, frames out. DATA is passed on by reference in the pieces TLS delivers, so that a frame of
 * 1 MiB is never held; everything else is put together, within MAX_CONTROL_BYTES.
 */
export class FrameReader {
  readonly #sink: FrameSink
  readonly #maxFrameBytes: number
  readonly #head = Buffer.alloc(HEAD_BYTES)
  #headBytes = 0
  #type = 0
  #flags = 0
  #stream = 0
  /** Of the payload under way; DATA and unknown frames are not kept. */
  #left = 0
  #kept: Buffer | undefined
  #keptBytes = 0

  constructor(sink: FrameSink, maxFrameBytes: number) {
    this.#sink = sink
    this.#maxFrameBytes = maxFrameBytes
  }

  /** Throws ConnectionError; nothing may be pushed after that. */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#left > 0) at = this.#payload(chunk, at)
      else at = this.#begin(chunk, at)
    }
  }

  #begin(chunk: Buffer, at: number): number {
    if (this.#headBytes === 0 && chunk.length - at >= HEAD_BYTES) {
      this.#open(chunk, at)
      return at + HEAD_BYTES
    }
    const taken = Math.min(HEAD_BYTES - this.#headBytes, chunk.length - at)
    chunk.copy(this.#head, this.#headBytes, at, at + taken)
    this.#headBytes += taken
    if (this.#headBytes === HEAD_BYTES) {
      this.#headBytes = 0
      this.#open(this.#head, 0)
    }
    return at + taken
  }

  #open(head: Buffer, at: number): void {
    const length = head.readUIntBE(at, 3)
    this.#type = head[at + 3] ?? 0
    this.#flags = head[at + 4] ?? 0
    this.#stream = head.readUInt32BE(at + 5) & 0x7fff_ffff
    if (length > this.#maxFrameBytes) throw new ConnectionError(CODE.frameSize, 'frame too large')
    this.#left = length
    if (length === 0) this.#complete(EMPTY)
    else if (this.#type !== FRAME.data && length > MAX_CONTROL_BYTES) {
      throw new ConnectionError(CODE.enhanceYourCalm, `a frame of type ${this.#type} is too long`)
    }
  }

  #payload(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left)
    const taken = end - at
    const total = this.#left
    this.#left -= taken
    if (this.#type === FRAME.data && (this.#flags & FLAG.padded) === 0) {
      const last = this.#left === 0 && (this.#flags & FLAG.endStream) !== 0
      this.#sink.onData(this.#stream, chunk.subarray(at, end), last)
    } else if (this.#type <= FRAME.continuation) {
      if (this.#kept === undefined && this.#left === 0) {
        this.#complete(chunk.subarray(at, end))
        return end
      }
      this.#kept ??= Buffer.allocUnsafe(total)
      chunk.copy(this.#kept, this.#keptBytes, at, end)
      this.#keptBytes += taken
      if (this.#left === 0) {
        const whole = this.#kept
        this.#kept = undefined
        this.#keptBytes = 0
        this.#complete(whole)
      }
    }
    return end
  }

  #complete(payload: Buffer): void {
    const data = this.#type === FRAME.data
    if (data && (this.#flags & FLAG.padded) === 0) {
      this.#sink.onData(this.#stream, payload, (this.#flags & FLAG.endStream) !== 0)
    } else if (this.#type <= FRAME.continuation) {
      this.#sink.onFrame(this.#type, this.#flags, this.#stream, payload)
    }
  }
}

/** Of DATA and HEADERS, RFC 9113 section 6.1. */
export function withoutPadding(flags: number, payload: Buffer): Buffer {
  if ((flags & FLAG.padded) === 0) return payload
  const padding = payload[0] ?? 0
  if (payload.length < 1 + padding) {
    throw new ConnectionError(CODE.protocol, 'more padding than payload')
  }
  return payload.subarray(1, payload.length - padding)
}
