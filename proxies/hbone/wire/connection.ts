import type { Socket } from 'node:net'
import { FrameReader, type FrameSink, withoutPadding } from './frame-reader.ts'
import {
  CODE,
  ConnectionError,
  DEFAULT_WINDOW_BYTES,
  FLAG,
  FRAME,
  frame,
  MAX_STREAM_ID,
  PREFACE,
  settingsFrame,
} from './frames.ts'
import { HeaderBlocks, type WholeBlock } from './header-block.ts'
import { type Decoded, HeaderDecoder } from './header-decoder.ts'
import { ReceiveWindow } from './receive-window.ts'
import { Sender } from './sender.ts'
import { type Carrier, TunnelStream } from './tunnel-stream.ts'

export interface HeaderBlock extends Decoded {
  readonly endStream: boolean
}

/** What the two ends of a tunnel do differently. */
export interface Role {
  readonly isServer: boolean
  readonly settings: readonly (readonly [number, number])[]
  readonly maxHeaderListBytes: number
  readonly streamWindowBytes: number
  readonly connectionWindowBytes: number
  readonly maxFrameBytes: number
  /** `stream` is the live stream of that number, if there is one. */
  onHeaders(id: number, stream: TunnelStream | undefined, block: HeaderBlock): void
  /** The peer's SETTINGS or the end of a stream may let others begin. */
  onCapacity(): void
  onGoaway(lastStream: number): void
  /** Once; `error` is what ended it, when it was no ordinary end. */
  onClose(error: Error | undefined): void
}

/** What a peer gets to answer the end of its connection. */
const LINGER_MS = 1_000

/**
 * One HTTP/2 connection (RFC 9113) that carries nothing but CONNECT streams. Ours, because node:http2
 * costs more per stream than all else a ztunnel does for a connection, and never sends DATA frames
 * above 16 KiB (docs/performance.md).
 * - `streams` are those that are not over for the peer; an application may still read of others.
 * - After `close` no stream begins; after `destroy` or an error no frame is handled, and every stream
 *   has been told before `onClose`.
 */
export class Http2Connection implements FrameSink, Carrier {
  readonly streams = new Map<number, TunnelStream>()
  readonly #socket: Socket
  readonly #role: Role
  readonly #sender: Sender
  readonly #reader: FrameReader
  readonly #decoder: HeaderDecoder
  readonly #blocks = new HeaderBlocks()
  readonly #window: ReceiveWindow
  readonly #pings: (() => void)[] = []
  #prefaceLeft: number
  #sawSettings = false
  #lastStream = 0
  #closing = false
  #closed = false

  constructor(socket: Socket, role: Role) {
    this.#socket = socket
    this.#role = role
    this.#sender = new Sender(socket)
    this.#reader = new FrameReader(this, role.maxFrameBytes)
    this.#decoder = new HeaderDecoder(role.maxHeaderListBytes)
    this.#window = new ReceiveWindow(role.connectionWindowBytes)
    this.#prefaceLeft = role.isServer ? PREFACE.length : 0
    if (!role.isServer) this.#sender.send(PREFACE)
    this.#sender.send(settingsFrame(role.settings))
    this.#sender.windowUpdate(0, role.connectionWindowBytes - DEFAULT_WINDOW_BYTES)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('end', () => this.#end(undefined))
    socket.on('error', (error) => this.#end(error))
    socket.on('close', () => this.#end(undefined))
  }

  get destroyed(): boolean {
    return this.#closed
  }

  get closing(): boolean {
    return this.#closing || this.#closed
  }

  /** The highest number of a stream that was begun or skipped. */
  get lastStream(): number {
    return this.#lastStream
  }

  get peerMaxStreams(): number | undefined {
    return this.#sender.maxStreams
  }

  createStream(): TunnelStream {
    return new TunnelStream(this, this.#role.streamWindowBytes)
  }

  begin(stream: TunnelStream, id: number): void {
    stream.id = id
    stream.sendWindow = this.#sender.streamWindow
    this.#lastStream = id
    this.streams.set(id, stream)
  }

  /** A request that becomes no stream. */
  skip(id: number, code: number): void {
    this.#lastStream = id
    this.#sender.reset(id, code)
  }

  sendHeaders(id: number, block: Buffer, end: boolean): void {
    this.#sender.headers(id, block, end)
  }

  ping(onPong: () => void): void {
    this.#pings.push(onPong)
    this.#sender.ping()
  }

  once(_event: 'close', listener: () => void): void {
    this.#socket.once('close', listener)
  }

  goaway(lastStream: number, code: number): void {
    this.#sender.goaway(lastStream, code)
  }

  /** Says GOAWAY and ends once no stream is left. */
  close(): void {
    if (this.closing) return
    this.#closing = true
    this.goaway(this.#role.isServer ? this.#lastStream : 0, CODE.noError)
    this.#endIfDone()
  }

  destroy(error?: Error): void {
    this.#end(error)
    this.#linger()
  }

  // ---- Carrier

  grant(wanted: number, stream: TunnelStream): number {
    return this.#sender.grant(wanted, stream)
  }

  sendData(id: number, piece: Buffer): void {
    this.#sender.data(id, piece)
  }

  sendEnd(id: number): void {
    this.#sender.end(id)
  }

  afterFlush(done: () => void): void {
    this.#sender.afterFlush(done)
  }

  taken(bytes: number, stream: TunnelStream | undefined): void {
    this.#sender.windowUpdate(0, this.#window.take(bytes))
    if (stream) this.#sender.windowUpdate(stream.id, stream.receiveWindow.take(bytes))
  }

  forget(stream: TunnelStream, code: number | undefined): void {
    this.#sender.forget(stream)
    if (this.#closed || !this.streams.delete(stream.id)) return
    if (code !== undefined) this.#guarded(() => this.#sender.reset(stream.id, code))
    this.#role.onCapacity()
    this.#endIfDone()
  }

  // ---- FrameSink

  onData(id: number, piece: Buffer, end: boolean): void {
    if (this.#closed) return
    this.#expect(FRAME.data, id)
    this.#window.use(piece.length)
    const stream = this.#known(id)
    if (!stream || stream.remoteEnded) {
      this.taken(piece.length, undefined)
      return
    }
    stream.receiveWindow.use(piece.length)
    stream.receive(piece, end)
  }

  onFrame(type: number, flags: number, id: number, payload: Buffer): void {
    if (this.#closed) return
    this.#expect(type, id)
    switch (type) {
      case FRAME.data: {
        const content = withoutPadding(flags, payload)
        this.#window.use(payload.length - content.length)
        this.taken(payload.length - content.length, undefined)
        this.onData(id, content, (flags & FLAG.endStream) !== 0)
        return
      }
      case FRAME.headers:
        this.#headers(this.#blocks.begin(id, flags, payload))
        return
      case FRAME.continuation:
        this.#headers(this.#blocks.go(flags, payload))
        return
      case FRAME.reset:
        expectLength(payload, 4)
        this.#known(id)?.receiveReset(payload.readUInt32BE(0))
        return
      case FRAME.settings:
        if ((flags & FLAG.ack) !== 0) return
        this.#sender.apply(payload, this.streams.values())
        this.#role.onCapacity()
        return
      case FRAME.ping:
        expectLength(payload, 8)
        if ((flags & FLAG.ack) !== 0) this.#pings.shift()?.()
        else this.#sender.sendOwed(frame(FRAME.ping, FLAG.ack, 0, payload))
        return
      case FRAME.goaway:
        if (payload.length < 8) expectLength(payload, 8)
        this.#role.onGoaway(payload.readUInt32BE(0) & MAX_STREAM_ID)
        return
      case FRAME.windowUpdate:
        expectLength(payload, 4)
        this.#windowUpdate(id, payload.readUInt32BE(0) & MAX_STREAM_ID)
        return
      case FRAME.push:
        throw new ConnectionError(CODE.protocol, 'push is off')
    }
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return
    this.#guarded(() => this.#reader.push(this.#prefaceLeft > 0 ? this.#preface(chunk) : chunk))
  }

  /** What the peer does wrong ends the connection and says why. */
  #guarded(action: () => void): void {
    try {
      action()
    } catch (error) {
      const code = error instanceof ConnectionError ? error.code : CODE.internal
      this.goaway(this.#lastStream, code)
      this.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #preface(chunk: Buffer): Buffer {
    const at = PREFACE.length - this.#prefaceLeft
    const part = chunk.subarray(0, this.#prefaceLeft)
    if (!PREFACE.subarray(at, at + part.length).equals(part)) {
      throw new ConnectionError(CODE.protocol, 'not HTTP/2')
    }
    this.#prefaceLeft -= part.length
    return chunk.subarray(part.length)
  }

  /** The order in which frames may come: SETTINGS first, a header block in one piece. */
  #expect(type: number, id: number): void {
    if (!this.#sawSettings) {
      if (type !== FRAME.settings) throw new ConnectionError(CODE.protocol, 'no SETTINGS first')
      this.#sawSettings = true
    }
    const { open } = this.#blocks
    const continues = type === FRAME.continuation
    if (continues !== open > 0 || (continues && id !== open)) {
      throw new ConnectionError(CODE.protocol, 'a header block is not in one piece')
    }
    const ofConnection = type === FRAME.settings || type === FRAME.ping || type === FRAME.goaway
    if (type !== FRAME.windowUpdate && ofConnection !== (id === 0)) {
      throw new ConnectionError(CODE.protocol, `a frame of type ${type} on stream ${id}`)
    }
  }

  /** undefined for a stream that is over; one that never was is the peer's mistake. */
  #known(id: number): TunnelStream | undefined {
    if (id > this.#lastStream) throw new ConnectionError(CODE.protocol, `idle stream ${id}`)
    return this.streams.get(id)
  }

  #headers(whole: WholeBlock | undefined): void {
    if (!whole) return
    const { id, block, endStream } = whole
    const decoded = this.#decoder.decode(block)
    this.#role.onHeaders(id, this.streams.get(id), { ...decoded, endStream })
  }

  #windowUpdate(id: number, bytes: number): void {
    if (id === 0) {
      this.#sender.widen(bytes)
      return
    }
    const stream = this.#known(id)
    if (bytes === 0) stream?.cancel(CODE.protocol)
    else if (stream?.widen(bytes) === false) stream.cancel(CODE.flowControl)
  }

  #endIfDone(): void {
    if (!this.#closing || this.#closed || this.streams.size > 0) return
    this.#sender.flush()
    this.#end(undefined)
    this.#linger()
  }

  /** A last GOAWAY shall arrive before a reset could overtake it; a peer that reads nothing is cut. */
  #linger(): void {
    if (this.#socket.destroyed) return
    this.#socket.end()
    const timer = setTimeout(() => this.#socket.destroy(), LINGER_MS).unref()
    this.#socket.once('close', () => clearTimeout(timer))
  }

  /** Streams end as after a reset: what has arrived is still delivered. */
  #end(error: Error | undefined): void {
    if (this.#closed) return
    this.#sender.flush()
    this.#closed = true
    for (const stream of [...this.streams.values()]) {
      if (error) stream.destroy(error)
      else stream.receiveReset(CODE.cancel)
    }
    this.streams.clear()
    this.#sender.abandon()
    this.#role.onClose(error)
  }
}

function expectLength(payload: Buffer, bytes: number): void {
  if (payload.length !== bytes) throw new ConnectionError(CODE.frameSize, 'a frame of wrong size')
}
