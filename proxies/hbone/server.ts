import type { Socket } from 'node:net'
import {
  MAX_FRAME_BYTES,
  SERVER_HEADER_LIST_BYTES,
  SERVER_MAX_STREAMS,
  STREAM_WINDOW_BYTES,
  windows,
} from './settings.ts'
import { type HeaderBlock, Http2Connection } from './wire/connection.ts'
import { CODE, ConnectionError, MAX_STREAM_ID, SETTING } from './wire/frames.ts'
import { readHead } from './wire/head.ts'
import { encodeFields } from './wire/header-encoder.ts'
import { keepTunnelAlive } from './wire/keep-alive.ts'
import type { TunnelStream } from './wire/tunnel-stream.ts'

/** A CONNECT waiting for its answer. Exactly one of `accept` and `refuse` has an effect. */
export interface ConnectOffer {
  readonly authority: string
  readonly baggage: string | undefined
  readonly forwarded: string | undefined
  readonly traceparent: string | undefined
  /** Listen for its `close` while deciding: the client may give up. */
  readonly stream: TunnelStream
  /** Sends 200 with the destination's baggage; bytes flow from here on. */
  accept(baggage?: string): TunnelStream
  /** Sends the bare status and ends the stream. */
  refuse(status: number): void
}

export interface TunnelServerOptions {
  /** @default 200 */
  readonly maxConcurrentStreams?: number
  readonly onConnect: (offer: ConnectOffer) => void
  /** A request that is no CONNECT was answered with 400. */
  readonly onInvalid?: (reason: string) => void
  /** The connection broke; its streams fail by themselves. */
  readonly onError?: (message: string) => void
}

export interface TunnelServer {
  /** GOAWAY: streams that run may finish, new ones go to another connection. */
  drain(): void
  cut(): void
}

/**
 * Two GOAWAYs, as RFC 9113 section 6.8 advises: the first says "no more", and streams that crossed it
 * are served; the second is final. Only one would break what is under way to a tunnel just made.
 */
const DRAIN_NOTICE_MS = 1_000
/** Requests reset before their answer still cost a dial, so they count until it is over. */
const UNANSWERED_PER_STREAM = 4

/** Serves HBONE on a verified mutual TLS socket and owns it from now on. */
export function serveTunnel(socket: Socket, options: TunnelServerOptions): TunnelServer {
  // Streams have their own ends; a tunnel whose peer has gone is over at once.
  socket.allowHalfOpen = false
  const maxStreams = options.maxConcurrentStreams ?? SERVER_MAX_STREAMS
  let unanswered = 0
  let draining = false

  const request = (id: number, block: HeaderBlock): void => {
    const head = readHead(block)
    if (connection.closing || connection.streams.size >= maxStreams) {
      connection.skip(id, CODE.refusedStream)
      return
    }
    if (typeof head === 'string') {
      connection.skip(id, CODE.protocol)
      options.onInvalid?.(head)
      return
    }
    if (unanswered >= maxStreams * UNANSWERED_PER_STREAM) {
      throw new ConnectionError(CODE.enhanceYourCalm, 'too many requests reset before their answer')
    }
    const stream = connection.createStream()
    connection.begin(stream, id)
    unanswered += 1
    let answered = false
    const answer = (status: number, end: boolean, baggage?: string): void => {
      if (answered) return
      answered = true
      unanswered -= 1
      if (stream.destroyed) return
      const fields: [string, string][] = [[':status', String(status)]]
      if (baggage) fields.push(['baggage', baggage])
      connection.sendHeaders(id, encodeFields(fields), end)
      if (end) stream.endedByHeaders()
    }
    if (block.endStream) stream.receive(EMPTY, true)
    const method = head.get(':method')
    if (method !== 'CONNECT') {
      answer(400, true)
      options.onInvalid?.(`expected method CONNECT, got ${method}`)
      return
    }
    options.onConnect({
      authority: head.get(':authority') ?? '',
      baggage: head.get('baggage'),
      forwarded: head.get('forwarded'),
      traceparent: head.get('traceparent'),
      stream,
      accept: (baggage) => {
        answer(200, false, baggage)
        return stream
      },
      refuse: (status) => answer(status, true),
    })
  }
  const connection = new Http2Connection(socket, {
    isServer: true,
    ...windows,
    maxHeaderListBytes: SERVER_HEADER_LIST_BYTES,
    settings: [
      [SETTING.initialWindowSize, STREAM_WINDOW_BYTES],
      [SETTING.maxFrameSize, MAX_FRAME_BYTES],
      [SETTING.maxConcurrentStreams, maxStreams],
      [SETTING.maxHeaderListSize, SERVER_HEADER_LIST_BYTES],
    ],
    onHeaders: (id, stream, block) => {
      if (id > connection.lastStream) {
        if (id % 2 === 0) throw new ConnectionError(CODE.protocol, `stream ${id} of a client`)
        request(id, block)
      } else if (block.endStream) stream?.receive(EMPTY, true)
    },
    onCapacity: () => {},
    onGoaway: () => {},
    onClose: (error) => {
      if (error) options.onError?.(error.message)
    },
  })
  keepTunnelAlive(connection, () => {
    connection.goaway(connection.lastStream, CODE.noError)
    connection.destroy()
  })
  return {
    drain: () => {
      if (draining || connection.closing) return
      draining = true
      connection.goaway(MAX_STREAM_ID, CODE.noError)
      setTimeout(() => connection.close(), DRAIN_NOTICE_MS).unref()
    },
    cut: () => connection.destroy(),
  }
}

const EMPTY = Buffer.alloc(0)
