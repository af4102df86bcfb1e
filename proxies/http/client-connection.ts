import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { destroySide } from '../hbone/end-stream.ts'
import { BodyDecoder, type BodySink } from './body.ts'
import { writeData, writeEnd } from './body-encoder.ts'
import type { ByteStream, ResponseHandler, UpstreamConnection, UpstreamFailure } from './codec.ts'
import { MalformedMessage } from './errors.ts'
import type { Framing, RequestHead, ResponseHead } from './head.ts'
import type { HttpLimits } from './limits.ts'
import { Output } from './output.ts'
import { parseResponse } from './parse-message.ts'
import { PartialHead } from './partial-head.ts'
import type { Sweeper } from './sweeper.ts'

export interface ClientConnectionOptions {
  readonly limits: HttpLimits
  readonly sweeper: Sweeper
  readonly onClosed: (connection: ClientConnection) => void
}

/** Closed this long before the server would do it by itself, so that the two do not cross. */
const KEEP_ALIVE_MARGIN_MS = 1_000

type State = 'idle' | 'head' | 'body' | 'done' | 'tunnel' | 'closed'

/**
 * The server's side of HTTP/1.1 on any byte stream, one request at a time.
 * - `idle` means whole request sent and whole response read: nothing is left that the next answer
 *   could be confused with. Bytes nobody asked for close the connection.
 */
export class ClientConnection implements BodySink, UpstreamConnection {
  readonly socket: Duplex
  readonly output: Output
  deadlineMs: number
  readonly #options: ClientConnectionOptions
  readonly #decoder: BodyDecoder
  #state: State = 'idle'
  #handler: ResponseHandler | undefined
  #method = ''
  #partial: PartialHead | undefined
  #requests = 0
  #reusable = true
  #idleMs: number
  #trailers = ''
  #rest: Buffer | undefined

  constructor(socket: Duplex, options: ClientConnectionOptions) {
    this.socket = socket
    this.output = new Output(socket)
    this.#options = options
    this.#decoder = new BodyDecoder(options.limits)
    this.#idleMs = options.limits.idleTimeoutMs
    this.deadlineMs = performance.now() + this.#idleMs
    options.sweeper.add(this)
    socket.on('data', this.#onData)
    socket.on('drain', this.#onDrain)
    socket.on('end', this.#onEnd)
    socket.on('error', ignore)
    socket.on('close', this.#onClose)
  }

  usable(nowMs: number): boolean {
    return this.#state === 'idle' && this.deadlineMs > nowMs && !this.socket.destroyed
  }

  begin(handler: ResponseHandler, { method }: RequestHead): void {
    this.#handler = handler
    this.#method = method
    this.#state = 'head'
    this.#requests += 1
    this.#reusable = true
    this.deadlineMs = Number.POSITIVE_INFINITY
  }

  get blocked(): boolean {
    return this.output.blocked
  }

  sendHead(lines: string): void {
    this.output.text(lines)
  }

  sendData(framing: Framing, chunk: Buffer, start: number, end: number): void {
    writeData(this.output, framing, chunk, start, end)
  }

  sendEnd(framing: Framing, trailers: string): void {
    writeEnd(this.output, framing, trailers)
  }

  flush(): void {
    this.output.flush()
  }

  pauseResponse(): void {
    this.socket.pause()
  }

  resumeResponse(): void {
    this.socket.resume()
  }

  /** After the end of both request and response; false when the connection cannot serve another. */
  finish(nowMs: number): boolean {
    this.#handler = undefined
    if (this.#state !== 'done' || !this.#reusable) {
      this.destroy()
      return false
    }
    this.#state = 'idle'
    this.deadlineMs = nowMs + this.#idleMs
    return true
  }

  /** Whether the server keeps listening after this response. */
  get reusable(): boolean {
    return this.#reusable
  }

  destroy(): void {
    this.#handler = undefined
    destroySide(this.socket)
  }

  expire(): void {
    if (this.#state === 'idle') this.destroy()
  }

  takeOver(): ByteStream {
    this.#state = 'tunnel'
    this.#handler = undefined
    this.#options.sweeper.delete(this)
    this.socket.off('data', this.#onData).off('drain', this.#onDrain).off('end', this.#onEnd)
    const rest = this.#rest
    this.#rest = undefined
    return { socket: this.socket, rest }
  }

  data(chunk: Buffer, start: number, end: number): void {
    this.#handler?.responseData(chunk, start, end)
  }

  end(trailers: string): void {
    this.#state = 'done'
    this.#trailers = trailers
  }

  readonly #onData = (bytes: Buffer): void => {
    const handler = this.#handler
    if (handler === undefined) {
      this.destroy()
      return
    }
    try {
      this.#consume(bytes, handler)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.#fail('protocol')
    }
    handler.flushResponse()
  }

  #consume(bytes: Buffer, handler: ResponseHandler): void {
    if (this.#state === 'done') {
      this.#reusable = false
      return
    }
    let chunk = bytes
    let at = 0
    while (at < chunk.length && this.#handler === handler) {
      if (this.#state === 'head') {
        const gathered = this.#partial === undefined ? chunk : this.#partial.add(chunk, at)
        if (gathered === undefined) return
        if (gathered !== chunk) at = 0
        chunk = gathered
        this.#partial = undefined
        const head = parseResponse(chunk, at, this.#options.limits, this.#method)
        if (head === undefined) {
          this.#partial = new PartialHead(this.#options.limits)
          this.#partial.add(chunk, at)
          return
        }
        at += head.size
        this.#onHead(head, handler, chunk, at)
      } else if (this.#state === 'body') at = this.#decoder.push(chunk, at, this)
      if (this.#isDone()) {
        // More than was asked for: the answer stands, the connection does not.
        if (at < chunk.length) this.#reusable = false
        handler.responseEnd(this.#trailers)
        return
      }
    }
  }

  #onHead(head: ResponseHead, handler: ResponseHandler, chunk: Buffer, at: number): void {
    if (head.status < 200 && head.status !== 101) {
      handler.responseInterim(head)
      return
    }
    this.#reusable = head.keepAlive
    if (head.keepAliveSeconds !== undefined) {
      const closesMs = head.keepAliveSeconds * 1_000
      const marginMs = Math.min(KEEP_ALIVE_MARGIN_MS, closesMs / 2)
      this.#idleMs = Math.min(this.#options.limits.idleTimeoutMs, closesMs - marginMs)
    }
    const switches = head.status === 101 || (this.#method === 'CONNECT' && head.status < 300)
    if (switches) {
      this.#reusable = false
      this.#rest = at < chunk.length ? chunk.subarray(at) : undefined
      handler.responseHead(head)
      return
    }
    this.#decoder.start(head.framing, head.contentLength)
    this.#state = 'body'
    handler.responseHead(head)
    if (head.framing === 'none' && this.#state === 'body') this.end('')
  }

  #isDone(): boolean {
    return this.#state === 'done'
  }

  #fail(kind: UpstreamFailure['kind']): void {
    const handler = this.#handler
    this.#handler = undefined
    this.#state = 'closed'
    destroySide(this.socket)
    handler?.upstreamFailed({ kind, reused: this.#requests > 1 })
    handler?.flushResponse()
  }

  readonly #onDrain = (): void => {
    this.output.drained()
    this.#handler?.upstreamDrained()
  }

  readonly #onEnd = (): void => {
    const handler = this.#handler
    if (this.#state === 'body' && this.#decoder.finish(this) && handler !== undefined) {
      handler.responseEnd('')
      handler.flushResponse()
    } else if (this.#state === 'done') this.#reusable = false
    else this.#fail('closed')
    destroySide(this.socket)
  }

  readonly #onClose = (): void => {
    this.#options.sweeper.delete(this)
    this.#options.onClosed(this)
    if (this.#state !== 'tunnel') this.#fail('closed')
  }
}

function ignore(): void {}
