import { constants, type ServerHttp2Stream } from 'node:http2'
import { resetStream } from '../hbone/end-stream.ts'
import type { Downstream, RequestHandler } from './codec.ts'
import type { RequestHead } from './head.ts'
import { headersOfLines, type RawFields, responseHeaders, trailerLines } from './http2-fields.ts'
import type { ResponseEncoding } from './serialise.ts'

/** One request of an HTTP/2 client. */
export class Http2Downstream implements Downstream {
  readonly keepAlive = true
  blocked = false
  readonly #stream: ServerHttp2Stream
  readonly #request: RequestHead
  #handler: RequestHandler | undefined
  #trailers = ''
  #sentTrailers = ''

  constructor(stream: ServerHttp2Stream, request: RequestHead) {
    this.#stream = stream
    this.#request = request
  }

  run(handler: RequestHandler): void {
    const stream = this.#stream
    this.#handler = handler
    stream.on('data', (chunk: Buffer) => {
      this.#handler?.requestData(chunk, 0, chunk.length)
      this.#handler?.flushRequest()
    })
    stream.on('trailers', (_headers: unknown, _flags: number, raw: RawFields) => {
      this.#trailers = trailerLines(raw)
    })
    stream.on('end', () => {
      this.#handler?.requestEnd(this.#trailers)
      this.#handler?.flushRequest()
    })
    stream.on('drain', () => {
      this.blocked = false
      this.#handler?.downstreamDrained()
    })
    stream.on('wantTrailers', () => {
      if (!stream.destroyed && !stream.closed)
        stream.sendTrailers(headersOfLines(this.#sentTrailers))
    })
    stream.on('close', () => {
      const gone = this.#handler
      this.#handler = undefined
      gone?.requestAborted()
    })
    handler.start()
  }

  sendInterim(lines: string): void {
    if (this.#open() && !this.#stream.headersSent) {
      this.#stream.additionalHeaders(responseHeaders(lines))
    }
  }

  sendHead(lines: string, encoding: ResponseEncoding): void {
    if (!this.#open() || this.#stream.headersSent) return
    const headers = responseHeaders(lines)
    const endStream = encoding === 'none'
    // The end of the stream says it already, and gRPC knows no such field.
    if (endStream && headers['content-length'] === '0') delete headers['content-length']
    const waitForTrailers = encoding === 'chunked'
    // An option that node's types lack: the date is the server's, not ours.
    const options = { endStream, waitForTrailers, sendDate: false }
    this.#stream.respond(headers, options)
  }

  sendData(chunk: Buffer, start: number, end: number): void {
    if (start === end || !this.#open() || this.#request.method === 'HEAD') return
    this.blocked = !this.#stream.write(chunk.subarray(start, end))
  }

  sendEnd(trailers: string): void {
    this.#sentTrailers = trailers
    if (!this.#stream.destroyed) this.#stream.end()
  }

  flush(): void {}

  finishResponse(): void {}

  endAfterResponse(): void {
    this.#handler = undefined
    const stream = this.#stream
    const reset = (): void => resetStream(stream, constants.NGHTTP2_NO_ERROR)
    if (stream.writableFinished) reset()
    else stream.once('finish', reset)
  }

  abort(): void {
    this.#handler = undefined
    resetStream(this.#stream, constants.NGHTTP2_INTERNAL_ERROR)
  }

  pauseRequest(): void {
    this.#stream.pause()
  }

  resumeRequest(): void {
    this.#stream.resume()
  }

  takeOver(): undefined {
    return undefined
  }

  #open(): boolean {
    const { destroyed, closed, writableEnded } = this.#stream
    return !destroyed && !closed && !writableEnded
  }
}
