import { CR, HEX, LF, SEMICOLON, SP, TAB, VALUE } from './bytes.ts'
import { MalformedMessage } from './errors.ts'
import { CONTENT_LENGTH, HOST, TRANSFER_ENCODING } from './field-names.ts'
import { type Framing, SPAN } from './head.ts'
import { CHUNK_LINE_BYTES, type HttpLimits } from './limits.ts'
import { scanFields } from './parse-head.ts'
import { PartialHead } from './partial-head.ts'

/** Receives a body. `chunk` may be kept, it is never overwritten. */
export interface BodySink {
  data(chunk: Buffer, start: number, end: number): void
  /** `trailers` are field lines, each ending in CR LF, or empty. */
  end(trailers: string): void
}

type State = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailers' | 'done'

/**
 * Finds the end of one body after another on the same connection. Bytes are handed on in place.
 * Chunk sizes and extensions are read strictly and not forwarded: the sender writes its own
 * (https://www.rfc-editor.org/rfc/rfc9112#section-7.1), which leaves nothing to disagree about.
 */
export class BodyDecoder {
  #framing: Framing = 'none'
  #state: State = 'done'
  #remaining = 0
  #digits = 0
  #lineBytes = 0
  #trailers: PartialHead | undefined
  readonly #limits: HttpLimits

  constructor(limits: HttpLimits) {
    this.#limits = limits
  }

  start(framing: Framing, contentLength: number): void {
    this.#framing = framing
    this.#remaining = contentLength
    this.#state = framing === 'none' ? 'done' : framing === 'chunked' ? 'size' : 'data'
    this.#digits = 0
    this.#lineBytes = 0
    this.#trailers = undefined
  }

  get done(): boolean {
    return this.#state === 'done'
  }

  /** The stream ended: complete only when that is how the body's end is marked. */
  finish(sink: BodySink): boolean {
    if (this.#framing !== 'until-close' || this.#state === 'done') return this.done
    this.#state = 'done'
    sink.end('')
    return true
  }

  /** Takes what belongs to the body from `chunk[from..]`, returns where it stopped. */
  push(chunk: Buffer, from: number, sink: BodySink): number {
    if (this.#framing === 'chunked') return this.#pushChunked(chunk, from, sink)
    if (this.#framing === 'until-close') {
      if (from < chunk.length) sink.data(chunk, from, chunk.length)
      return chunk.length
    }
    const end = Math.min(chunk.length, from + this.#remaining)
    this.#remaining -= end - from
    if (end > from) sink.data(chunk, from, end)
    if (this.#remaining === 0) {
      this.#state = 'done'
      sink.end('')
    }
    return end
  }

  #pushChunked(chunk: Buffer, from: number, sink: BodySink): number {
    const length = chunk.length
    let at = from
    while (at < length && this.#state !== 'done') {
      switch (this.#state) {
        case 'size': {
          const value = HEX[chunk[at] as number] as number
          if (value !== 255) {
            // Twelve digits are 256 TiB and still exact in a double.
            if (++this.#digits > 12) throw new MalformedMessage('a chunk size is too long')
            this.#remaining = this.#remaining * 16 + value
            at++
          } else if (this.#digits === 0) throw new MalformedMessage('a chunk has no size')
          else this.#state = 'extension'
          break
        }
        case 'extension':
          at = this.#skipExtension(chunk, at)
          break
        case 'size-lf':
          if (chunk[at++] !== LF) throw new MalformedMessage('a chunk size line ends in a bare CR')
          this.#state = this.#remaining === 0 ? 'trailers' : 'data'
          this.#digits = 0
          this.#lineBytes = 0
          break
        case 'data': {
          const end = Math.min(length, at + this.#remaining)
          sink.data(chunk, at, end)
          this.#remaining -= end - at
          at = end
          if (this.#remaining === 0) this.#state = 'data-cr'
          break
        }
        case 'data-cr':
          if (chunk[at++] !== CR) throw new MalformedMessage('a chunk is longer than its size')
          this.#state = 'data-lf'
          break
        case 'data-lf':
          if (chunk[at++] !== LF) throw new MalformedMessage('a chunk is longer than its size')
          this.#state = 'size'
          break
        case 'trailers':
          at = this.#readTrailers(chunk, at, sink)
          break
      }
    }
    return at
  }

  #skipExtension(chunk: Buffer, from: number): number {
    let at = from
    if (this.#lineBytes === 0 && chunk[at] !== CR) {
      const first = chunk[at]
      if (first !== SEMICOLON && first !== SP && first !== TAB) {
        throw new MalformedMessage('a chunk size is not a hexadecimal number')
      }
    }
    while (at < chunk.length && VALUE[chunk[at] as number] !== 0) at++
    this.#lineBytes += at - from
    if (this.#lineBytes > CHUNK_LINE_BYTES) {
      throw new MalformedMessage(`chunk extensions of more than ${CHUNK_LINE_BYTES} bytes`)
    }
    if (at === chunk.length) return at
    if (chunk[at] !== CR) throw new MalformedMessage('a control character in a chunk size line')
    this.#state = 'size-lf'
    return at + 1
  }

  #readTrailers(chunk: Buffer, from: number, sink: BodySink): number {
    // Nearly always the section is empty and arrives whole.
    if (this.#trailers === undefined && chunk[from] === CR && chunk[from + 1] === LF) {
      this.#state = 'done'
      sink.end('')
      return from + 2
    }
    return this.#gatherTrailers(chunk, from, sink)
  }

  #gatherTrailers(chunk: Buffer, from: number, sink: BodySink): number {
    let before = 0
    if (this.#trailers === undefined) {
      this.#trailers = new PartialHead(this.#limits)
      // An empty line in front lets a section without fields end like any other.
      this.#trailers.add(EMPTY_LINE, 0)
    }
    before = this.#trailers.length
    const gathered = this.#trailers.add(chunk, from)
    if (gathered === undefined) return chunk.length
    const spans: number[] = []
    const stop = scanFields(gathered, EMPTY_LINE.length, EMPTY_LINE.length, spans, this.#limits)
    for (let i = 0; i < spans.length; i += SPAN) {
      const id = spans[i]
      if (id === CONTENT_LENGTH || id === TRANSFER_ENCODING || id === HOST) {
        throw new MalformedMessage('a trailer field that frames or routes a message')
      }
    }
    this.#state = 'done'
    sink.end(gathered.toString('latin1', EMPTY_LINE.length, stop - EMPTY_LINE.length))
    return from + stop - before
  }
}

const EMPTY_LINE = Buffer.from('\r\n')
