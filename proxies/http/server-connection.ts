import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { destroySide } from '../hbone/end-stream.ts'
import { BodyDecoder, type BodySink } from './body.ts'
import { writeData, writeEnd } from './body-encoder.ts'
import type { ByteStream, Downstream, RequestHandler } from './codec.ts'
import { MalformedMessage } from './errors.ts'
import { Farewell } from './farewell.ts'
import type { RequestHead } from './head.ts'
import { isHttp2Preface } from './http2-settings.ts'
import type { HttpLimits } from './limits.ts'
import { Output } from './output.ts'
import { parseRequest } from './parse-message.ts'
import { PartialHead } from './partial-head.ts'
import { replyLines } from './reply.ts'
import type { ResponseEncoding } from './serialise.ts'
import type { Sweeper } from './sweeper.ts'

export interface ServerConnectionOptions {
  readonly limits: HttpLimits
  readonly sweeper: Sweeper
  /** For the `server` field of answers to malformed requests. */
  readonly serverName: string
  readonly onRequest: (connection: ServerConnection, request: RequestHead) => RequestHandler
  readonly onMalformed?: (error: MalformedMessage) => void
  /** The client speaks HTTP/2; its bytes are put back into the socket, which is not read any more. */
  readonly onHttp2?: () => void
}

type State =
  /** Between requests, or in the middle of a head. */
  | 'head'
  | 'body'
  /** The request is complete, its answer is not. */
  | 'waiting'
  /** The last answer is sent; what still arrives is thrown away so that the answer survives. */
  | 'closing'
  /** Somebody else reads the socket now. */
  | 'tunnel'
  | 'closed'

/** While draining, a connection idle this long is closed; sooner, a request may be on its way. */
const DRAIN_IDLE_MS = 1_000

/**
 * The client's side of HTTP/1.1 on any byte stream.
 * - One request at a time: bytes of the next one are held and the socket paused, hence answers to
 *   pipelined requests leave in order.
 * - Every request ends in exactly one of `finishResponse`, `takeOver` or the socket's close.
 * - A client that ends its side gives up what it asked for, as in Envoy.
 */
export class ServerConnection implements BodySink, Downstream {
  readonly socket: Duplex
  readonly output: Output
  deadlineMs: number
  readonly #options: ServerConnectionOptions
  readonly #decoder: BodyDecoder
  #state: State = 'head'
  #handler: RequestHandler | undefined
  #request: RequestHead | undefined
  #partial: PartialHead | undefined
  #held: Buffer | undefined
  #encoding: ResponseEncoding = 'none'
  #begun = false
  #keepAlive = true
  #draining = false
  #bodyAwaited = false
  #responseStarted = false
  #responseDone = false
  #handlerPaused = false
  #reading = false

  constructor(socket: Duplex, options: ServerConnectionOptions) {
    this.socket = socket
    this.output = new Output(socket)
    this.#options = options
    this.#decoder = new BodyDecoder(options.limits)
    this.deadlineMs = performance.now() + options.limits.headTimeoutMs
    options.sweeper.add(this)
    socket.on('data', this.#onData)
    socket.on('drain', this.#onDrain)
    socket.on('end', this.#onEnd)
    socket.on('error', () => {})
    socket.on('close', this.#onClose)
  }

  /**
   * The next answer closes the connection; without a next one, a second of silence does. Not before its first
   * request: a client sends that again only on a connection that it had used before.
   */
  drain(): void {
    this.#draining = true
    this.#keepAlive = false
    if (this.#begun && this.#isIdle()) this.deadlineMs = performance.now() + DRAIN_IDLE_MS
  }

  cut(): void {
    destroySide(this.socket)
  }

  expire(): void {
    if (this.#isIdle()) this.#close()
    else if (this.#state === 'head') {
      this.#refuse(new MalformedMessage('request header timeout', 408))
    }
  }

  get keepAlive(): boolean {
    return this.#keepAlive
  }

  get blocked(): boolean {
    return this.output.blocked
  }

  flush(): void {
    this.output.flush()
  }

  sendInterim(lines: string): void {
    if (this.#request?.minor !== 1) return
    this.#bodyAwaited = false
    this.output.text(`${lines}\r\n`)
  }

  sendHead(lines: string, encoding: ResponseEncoding, close: boolean): void {
    this.#responseStarted = true
    this.#encoding = encoding
    // A client that waits for 100 (Continue) may take this answer as a reason not to send its body,
    // or send it all the same; only closing leaves no doubt (RFC 9110 section 10.1.1).
    if (close || encoding === 'until-close' || this.#bodyAwaited) this.#keepAlive = false
    const persistence = this.#keepAlive
      ? this.#request?.minor === 1
        ? ''
        : 'connection: keep-alive\r\n'
      : 'connection: close\r\n'
    this.output.text(`${lines}${persistence}\r\n`)
  }

  sendData(chunk: Buffer, start: number, end: number): void {
    writeData(this.output, this.#encoding, chunk, start, end)
  }

  sendEnd(trailers: string): void {
    writeEnd(this.output, this.#encoding, trailers)
    this.#responseDone = true
  }

  /** Turns to the next request, or closes. Only after `sendEnd`. */
  finishResponse(): void {
    this.output.flush()
    if (this.#state === 'body' && this.#keepAlive) return
    this.#handler = undefined
    this.#request = undefined
    // A client that sends requests and reads no answers gets no further ones.
    if (!this.output.blocked || !this.#keepAlive) this.#next()
  }

  #next(): void {
    if (!this.#keepAlive) this.#close()
    else {
      this.#state = 'head'
      this.deadlineMs = performance.now() + this.#options.limits.idleTimeoutMs
      this.#continue()
    }
  }

  endAfterResponse(): void {
    this.#keepAlive = false
    this.finishResponse()
  }

  abort(): void {
    this.#handler = undefined
    this.output.flush()
    destroySide(this.socket)
  }

  pauseRequest(): void {
    if (this.#state !== 'body') return
    this.#handlerPaused = true
    this.socket.pause()
  }

  resumeRequest(): void {
    if (!this.#handlerPaused) return
    this.#handlerPaused = false
    if (this.#held === undefined) this.socket.resume()
  }

  takeOver(head: string): ByteStream {
    this.output.text(head)
    this.output.flush()
    this.#state = 'tunnel'
    this.#handler = undefined
    this.#options.sweeper.delete(this)
    this.socket.off('data', this.#onData).off('drain', this.#onDrain).off('end', this.#onEnd)
    const rest = this.#held
    this.#held = undefined
    return { socket: this.socket, rest }
  }

  data(chunk: Buffer, start: number, end: number): void {
    this.#bodyAwaited = false
    this.#handler?.requestData(chunk, start, end)
  }

  end(trailers: string): void {
    this.#state = 'waiting'
    this.#bodyAwaited = false
    const handler = this.#handler
    handler?.requestEnd(trailers)
    if (this.#responseDone && this.#handler === handler) this.finishResponse()
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state === 'head' || this.#state === 'body') this.#consume(chunk)
    else if (this.#state === 'waiting') this.#hold(chunk)
  }

  #consume(bytes: Buffer): void {
    let chunk = bytes
    let at = 0
    this.#reading = true
    try {
      while (at < chunk.length) {
        if (this.#state === 'head') {
          const gathered = this.#partial === undefined ? chunk : this.#partial.add(chunk, at)
          if (gathered === undefined) break
          if (gathered !== chunk) at = 0
          chunk = gathered
          this.#partial = undefined
          const request = parseRequest(chunk, at, this.#options.limits)
          if (request === undefined) {
            this.#await(chunk, at)
            break
          }
          at += request.size
          this.#begin(request)
        } else if (this.#state === 'body') at = this.#decoder.push(chunk, at, this)
        else {
          if (this.#state === 'waiting') this.#hold(at === 0 ? chunk : chunk.subarray(at))
          break
        }
      }
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      if (!this.#isHttp2(chunk, at)) this.#refuse(error)
    } finally {
      this.#reading = false
    }
    this.#handler?.flushRequest()
  }

  #isHttp2(chunk: Buffer, at: number): boolean {
    const { onHttp2 } = this.#options
    if (this.#begun || at > 0 || !onHttp2 || !isHttp2Preface(chunk)) return false
    this.takeOver('')
    this.socket.pause()
    this.socket.unshift(chunk)
    onHttp2()
    return true
  }

  #await(chunk: Buffer, at: number): void {
    this.#partial = new PartialHead(this.#options.limits)
    this.#partial.add(chunk, at)
    this.deadlineMs = performance.now() + this.#options.limits.headTimeoutMs
  }

  #begin(request: RequestHead): void {
    this.#request = request
    this.#begun = true
    this.#responseStarted = false
    this.#responseDone = false
    this.#keepAlive = request.keepAlive && !this.#draining
    this.#bodyAwaited = request.expectsContinue && request.framing !== 'none'
    this.deadlineMs = Number.POSITIVE_INFINITY
    this.#decoder.start(request.framing, request.contentLength)
    this.#state = request.framing === 'none' ? 'waiting' : 'body'
    const handler = this.#options.onRequest(this, request)
    this.#handler = handler
    handler.start()
    if (request.framing === 'none' && this.#handler === handler) this.end('')
  }

  #hold(chunk: Buffer): void {
    this.#held = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk])
    this.socket.pause()
  }

  #continue(): void {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    this.socket.resume()
    if (!this.#reading) this.#consume(held)
  }

  #isIdle(): boolean {
    return this.#state === 'head' && !this.#partial
  }

  #refuse(error: MalformedMessage): void {
    this.#options.onMalformed?.(error)
    const handler = this.#handler
    this.#handler = undefined
    handler?.requestAborted()
    if (this.#responseStarted && !this.#responseDone) {
      destroySide(this.socket)
      return
    }
    if (!this.#responseDone) {
      const lines = replyLines(error.status, error.message, this.#options.serverName)
      this.output.text(`${lines}connection: close\r\n\r\n${error.message}`)
    }
    this.output.flush()
    this.#close()
  }

  #close(): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    this.#state = 'closing'
    this.#partial = undefined
    this.#held = undefined
    const { sweeper, limits } = this.#options
    sweeper.delete(this)
    new Farewell(this.socket, limits, sweeper)
  }

  readonly #onDrain = (): void => {
    this.output.drained()
    if (this.#handler !== undefined) this.#handler.downstreamDrained()
    else if (this.#state === 'waiting') this.#next()
  }

  readonly #onEnd = (): void => {
    if (this.#isIdle()) this.#close()
    else if (this.#state !== 'closing') destroySide(this.socket)
  }

  readonly #onClose = (): void => {
    this.#options.sweeper.delete(this)
    if (this.#state === 'tunnel') return
    this.#state = 'closed'
    const handler = this.#handler
    this.#handler = undefined
    handler?.requestAborted()
  }
}
