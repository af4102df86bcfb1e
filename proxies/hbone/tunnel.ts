import type { Socket } from 'node:net'
import { ProxyError } from '../errors.ts'
import {
  CLIENT_HEADER_LIST_BYTES,
  MAX_FRAME_BYTES,
  POOL_MAX_STREAMS,
  STREAM_WINDOW_BYTES,
  windows,
} from './settings.ts'
import { type HeaderBlock, Http2Connection } from './wire/connection.ts'
import { CODE, ConnectionError, MAX_STREAM_ID, SETTING } from './wire/frames.ts'
import { encodeFields, type Field } from './wire/header-encoder.ts'
import { keepTunnelAlive } from './wire/keep-alive.ts'
import type { Answer, TunnelStream } from './wire/tunnel-stream.ts'

/** The other side may wait 5 s for a record of the pod and 10 s for its application to accept. */
const ANSWER_TIMEOUT_MS = 20_000

/** What a CONNECT tells the next hop (istio/ztunnel src/proxy/outbound.rs). */
export interface ConnectRequest {
  /** `ip:port`, or `hostname:port`. */
  readonly authority: string
  readonly baggage?: string
  readonly forwarded?: string
  readonly traceparent?: string
}

/** The server never looked at the request (RFC 9113 section 8.7), so it may go to another tunnel. */
export class StreamUnprocessed extends Error {
  override readonly name = 'StreamUnprocessed'
}

export interface TunnelEvents {
  /** Its last stream ended and it could take others. */
  readonly onIdle: (tunnel: Tunnel) => void
  /** It is closing or closed, without streams; may come twice. */
  readonly onClosing: (tunnel: Tunnel) => void
}

interface Waiting {
  readonly stream: TunnelStream
  readonly block: Buffer
}

/**
 * The client's end of one HBONE connection.
 * - `active` counts streams from `reserve` to close, also those still waiting for their 200.
 * - Every `reserve` is followed by one `open`.
 * - Once `retired` it takes no new stream and closes when the last one ends.
 * - Above the peer's limit streams wait for others to end.
 */
export class Tunnel {
  #active = 0
  readonly #connection: Http2Connection
  readonly #events: TunnelEvents
  readonly #waiting = new Set<Waiting>()
  #nextId = 1
  #retired = false

  /** As ztunnel it does not wait for the peer's SETTINGS. */
  static over(socket: Socket, events: TunnelEvents): Tunnel {
    return new Tunnel(socket, events)
  }

  private constructor(socket: Socket, events: TunnelEvents) {
    // Streams have their own ends; a tunnel whose peer has gone is over at once.
    socket.allowHalfOpen = false
    this.#events = events
    this.#connection = new Http2Connection(socket, {
      isServer: false,
      ...windows,
      maxHeaderListBytes: CLIENT_HEADER_LIST_BYTES,
      settings: [
        [SETTING.enablePush, 0],
        [SETTING.initialWindowSize, STREAM_WINDOW_BYTES],
        [SETTING.maxFrameSize, MAX_FRAME_BYTES],
        [SETTING.maxHeaderListSize, CLIENT_HEADER_LIST_BYTES],
      ],
      onHeaders: (id, stream, block) => {
        if (id > this.#connection.lastStream || id % 2 === 0) {
          throw new ConnectionError(CODE.protocol, `headers for stream ${id}`)
        }
        if (stream) onHeaders(stream, block)
      },
      onCapacity: () => this.#startWaiting(),
      onGoaway: (lastStream) => this.#goaway(lastStream),
      onClose: () => {
        this.#retired = true
        this.#failWaiting()
        events.onClosing(this)
      },
    })
    keepTunnelAlive(this.#connection, () =>
      this.#connection.destroy(new Error('no answer to PING')),
    )
  }

  get usable(): boolean {
    return !this.#retired && !this.#connection.closing
  }

  get active(): number {
    return this.#active
  }

  reserve(): void {
    this.#active += 1
  }

  /** Resolves with the stream after the peer's 200. Any other status is final: no second try. */
  open(request: ConnectRequest, signal?: AbortSignal): Promise<TunnelStream> {
    if (this.#connection.closing) {
      this.#release()
      return Promise.reject(new StreamUnprocessed('the tunnel closed'))
    }
    return new Promise((resolve, reject) => {
      const stream = this.#connection.createStream()
      stream.answer = new Attempt(resolve, reject, signal ? listen(signal, stream) : undefined)
      stream.once('close', this.#release)
      const block = encodeFields(connectFields(request))
      if (this.#connection.streams.size < this.#limit) this.#start(stream, block)
      else this.#waiting.add({ stream, block })
    })
  }

  /** No new streams; closes once the running ones have ended. */
  retire(): void {
    this.#retired = true
    if (this.#active === 0) this.#close()
  }

  destroy(): void {
    this.#connection.destroy()
  }

  /** Assumed until the server's SETTINGS arrive. */
  get #limit(): number {
    return this.#connection.peerMaxStreams ?? POOL_MAX_STREAMS
  }

  #start(stream: TunnelStream, block: Buffer): void {
    const id = this.#nextId
    this.#nextId += 2
    this.#connection.begin(stream, id)
    this.#connection.sendHeaders(id, block, false)
    stream.answer?.expect(stream, ANSWER_TIMEOUT_MS)
    if (this.#nextId > MAX_STREAM_ID) this.retire()
  }

  #startWaiting(): void {
    for (const waiting of this.#waiting) {
      if (this.#connection.streams.size >= this.#limit) return
      this.#waiting.delete(waiting)
      if (!waiting.stream.destroyed) this.#start(waiting.stream, waiting.block)
    }
  }

  #failWaiting(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const { stream } of waiting) stream.fail(new Error('the tunnel closed'), true)
  }

  #goaway(lastStream: number): void {
    this.retire()
    this.#failWaiting()
    for (const stream of [...this.#connection.streams.values()]) {
      if (stream.id > lastStream) stream.receiveReset(CODE.refusedStream)
    }
  }

  readonly #release = (): void => {
    this.#active -= 1
    if (this.#active > 0) return
    if (this.#retired) this.#close()
    else this.#events.onIdle(this)
  }

  #close(): void {
    this.#events.onClosing(this)
    this.#connection.close()
  }
}

/** The wait for one 200. */
class Attempt implements Answer {
  readonly #resolve: (stream: TunnelStream) => void
  readonly #reject: (error: unknown) => void
  readonly #stopListening: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(
    resolve: (stream: TunnelStream) => void,
    reject: (error: unknown) => void,
    stopListening: (() => void) | undefined,
  ) {
    this.#resolve = resolve
    this.#reject = reject
    this.#stopListening = stopListening
  }

  expect(stream: TunnelStream, timeoutMs: number): void {
    this.#timer = setTimeout(() => {
      stream.fail(new ProxyError('TUNNEL_REFUSED', 'no answer to CONNECT in time'), false)
    }, timeoutMs)
  }

  answered(status: number, stream: TunnelStream): void {
    if (status === 200) {
      this.#settle()
      this.#resolve(stream)
    } else {
      stream.cancel()
      this.failed(new ProxyError('TUNNEL_REFUSED', `http status: ${status}`), false)
    }
  }

  failed(error: Error, unprocessed: boolean): void {
    this.#settle()
    if (unprocessed) this.#reject(new StreamUnprocessed(error.message))
    else if (error instanceof ProxyError) this.#reject(error)
    else {
      const message = `tunnel failed: ${error.message}`
      this.#reject(new ProxyError('TUNNEL_REFUSED', message, { cause: error }))
    }
  }

  #settle(): void {
    clearTimeout(this.#timer)
    this.#stopListening?.()
  }
}

/** Until the answer is there the caller may give up; returns how to stop listening. */
function listen(signal: AbortSignal, stream: TunnelStream): () => void {
  const onAbort = (): void => {
    const reason: unknown = signal.reason
    stream.fail(reason instanceof Error ? reason : new Error('aborted'), false)
  }
  if (signal.aborted) queueMicrotask(onAbort)
  else signal.addEventListener('abort', onAbort)
  return () => signal.removeEventListener('abort', onAbort)
}

function onHeaders(stream: TunnelStream, { fields, endStream, tooLong }: HeaderBlock): void {
  const { answer } = stream
  if (answer) {
    const status = Number(fields.find(([name]) => name === ':status')?.[1])
    // An interim answer says nothing yet.
    if (status >= 100 && status < 200 && !endStream) return
    if (tooLong || !(status >= 200 && status < 600)) {
      stream.fail(new Error('an answer without a status'), false)
      return
    }
    stream.answer = undefined
    answer.answered(status, stream)
  }
  if (endStream && !stream.destroyed) stream.receive(EMPTY, true)
}

const EMPTY = Buffer.alloc(0)

function connectFields(request: ConnectRequest): readonly Field[] {
  const fields: Field[] = [
    [':method', 'CONNECT'],
    [':authority', request.authority],
  ]
  if (request.baggage) fields.push(['baggage', request.baggage])
  if (request.forwarded) fields.push(['forwarded', request.forwarded])
  if (request.traceparent) fields.push(['traceparent', request.traceparent])
  return fields
}
