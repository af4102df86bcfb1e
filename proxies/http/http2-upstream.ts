import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2'
import type { Duplex } from 'node:stream'
import { resetStream } from '../hbone/end-stream.ts'
import type { ResponseHandler, UpstreamConnection, UpstreamFailure } from './codec.ts'
import { MalformedMessage } from './errors.ts'
import type { Framing, RequestHead } from './head.ts'
import {
  headersOfLines,
  type RawFields,
  requestHeaders,
  responseHead,
  trailerLines,
} from './http2-fields.ts'
import type { HttpLimits } from './limits.ts'

/** One request to an HTTP/2 server: a stream of a session that others use too. */
export class Http2Upstream implements UpstreamConnection {
  readonly reusable = true
  readonly socket: Duplex
  blocked = false
  readonly #session: ClientHttp2Session
  readonly #limits: HttpLimits
  readonly #onClosed: () => void
  #handler: ResponseHandler | undefined
  #stream: ClientHttp2Stream | undefined
  #method = ''
  #sentTrailers = ''
  #trailers = ''

  /** `onClosed` is called once, when the stream counts no more. */
  constructor(
    session: ClientHttp2Session,
    socket: Duplex,
    limits: HttpLimits,
    onClosed: () => void,
  ) {
    this.#session = session
    this.socket = socket
    this.#limits = limits
    this.#onClosed = onClosed
  }

  begin(handler: ResponseHandler, { method }: RequestHead): void {
    this.#handler = handler
    this.#method = method
  }

  sendHead(lines: string, framing: Framing): void {
    let stream: ClientHttp2Stream
    try {
      stream = this.#session.request(requestHeaders(lines), {
        endStream: framing === 'none',
        waitForTrailers: framing === 'chunked',
      })
    } catch {
      // The session ended this instant, or a field is one that may not be repeated.
      const kind = this.#session.closed || this.#session.destroyed ? 'refused' : 'protocol'
      queueMicrotask(() => {
        this.#onClosed()
        this.#fail(kind)
      })
      return
    }
    this.#stream = stream
    this.#listen(stream)
  }

  sendData(_framing: Framing, chunk: Buffer, start: number, end: number): void {
    if (start === end || !this.#stream?.writable) return
    this.blocked = !this.#stream.write(chunk.subarray(start, end))
  }

  sendEnd(framing: Framing, trailers: string): void {
    this.#sentTrailers = trailers
    if (framing !== 'none') this.#stream?.end()
  }

  flush(): void {}

  pauseResponse(): void {
    this.#stream?.pause()
  }

  resumeResponse(): void {
    this.#stream?.resume()
  }

  /** The exchange is over; what is left of the stream ends by itself. */
  detach(): void {
    this.#handler = undefined
  }

  destroy(): void {
    this.#handler = undefined
    this.#stream?.close(constants.NGHTTP2_CANCEL)
  }

  takeOver(): undefined {
    return undefined
  }

  #listen(stream: ClientHttp2Stream): void {
    let ended = false
    stream.on('headers', (_headers: unknown, flags: number, raw: RawFields) =>
      this.#head(raw, flags, true),
    )
    stream.on('response', (_headers: unknown, flags: number, raw?: RawFields) => {
      this.#head(raw ?? [], flags, false)
      // Not before: node tells of the head a tick late, and of data that came with it at once.
      stream.on('data', (chunk: Buffer) => {
        const handler = this.#handler
        handler?.responseData(chunk, 0, chunk.length)
        handler?.flushResponse()
      })
    })
    stream.on('trailers', (_headers: unknown, _flags: number, raw: RawFields) => {
      this.#trailers = trailerLines(raw)
    })
    stream.on('end', () => {
      // A reset ends the readable side too; 'close' tells the two apart.
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) return
      ended = true
      const handler = this.#handler
      handler?.responseEnd(this.#trailers)
      handler?.flushResponse()
    })
    stream.on('drain', () => {
      this.blocked = false
      this.#handler?.upstreamDrained()
    })
    stream.on('wantTrailers', () => {
      if (!stream.destroyed && !stream.closed)
        stream.sendTrailers(headersOfLines(this.#sentTrailers))
    })
    stream.on('error', () => {})
    stream.on('close', () => {
      this.#onClosed()
      const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM
      if (!ended || !stream.writableFinished) this.#fail(refused ? 'refused' : 'closed')
    })
  }

  #head(raw: RawFields, flags: number, interim: boolean): void {
    const handler = this.#handler
    if (handler === undefined) return
    const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
    try {
      const head = responseHead(raw, endStream, this.#limits, this.#method)
      if (interim) handler.responseInterim(head)
      else handler.responseHead(head)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      if (this.#stream) resetStream(this.#stream, constants.NGHTTP2_PROTOCOL_ERROR)
      this.#fail('protocol')
    }
    handler.flushResponse()
  }

  #fail(kind: UpstreamFailure['kind']): void {
    const handler = this.#handler
    this.#handler = undefined
    handler?.upstreamFailed({ kind, reused: false })
    handler?.flushResponse()
  }
}
