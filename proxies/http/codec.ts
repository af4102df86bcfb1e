import type { Duplex } from 'node:stream'
import type { Framing, RequestHead, ResponseHead } from './head.ts'
import type { ResponseEncoding } from './serialise.ts'

/**
 * What an exchange sees of the two connections it stands between, whichever version of HTTP they
 * speak. Heads travel as lines of text in HTTP/1.1's form, each ending in CR LF.
 */

/** What becomes of one request. Calls come in order: start, data*, then end or aborted. */
export interface RequestHandler {
  start(): void
  requestData(chunk: Buffer, start: number, end: number): void
  requestEnd(trailers: string): void
  /** The client is gone or talks nonsense; no answer can reach it. */
  requestAborted(): void
  /** The client's socket takes bytes again. */
  downstreamDrained(): void
  /** All of one read event has been handed over. */
  flushRequest(): void
}

/** A connection or stream that was given away, with what was read and belongs to nobody yet. */
export interface ByteStream {
  readonly socket: Duplex
  readonly rest: Buffer | undefined
}

/** The client's side of one request. Every request ends in one of finishResponse, abort, takeOver. */
export interface Downstream {
  /** Whether the connection goes on after this answer, as far as is known. */
  readonly keepAlive: boolean
  /** It takes no more for now; `downstreamDrained` ends that. */
  readonly blocked: boolean
  sendInterim(lines: string): void
  /** `lines` without the final empty line. With `close` the connection ends after this answer. */
  sendHead(lines: string, encoding: ResponseEncoding, close: boolean): void
  sendData(chunk: Buffer, start: number, end: number): void
  sendEnd(trailers: string): void
  flush(): void
  /** Only after `sendEnd`. */
  finishResponse(): void
  /** The answer is complete, but the rest of the request has nowhere to go. */
  endAfterResponse(): void
  /** The answer cannot be completed; the client must not take it for a whole one. */
  abort(): void
  pauseRequest(): void
  resumeRequest(): void
  /** Sends these whole lines first. Undefined where a request has no byte stream of its own. */
  takeOver(head: string): ByteStream | undefined
}

export interface UpstreamFailure {
  readonly kind: 'closed' | 'protocol' | 'refused'
  /** It had served another request before: the server may have closed it while it was idle. */
  readonly reused: boolean
}

/** Who waits for a response. Calls come in order: interim*, head, data*, then end or failed. */
export interface ResponseHandler {
  responseInterim(head: ResponseHead): void
  responseHead(head: ResponseHead): void
  responseData(chunk: Buffer, start: number, end: number): void
  responseEnd(trailers: string): void
  upstreamFailed(failure: UpstreamFailure): void
  upstreamDrained(): void
  flushResponse(): void
}

/** The server's side of one request: a connection, or one stream of it. */
export interface UpstreamConnection {
  readonly socket: Duplex
  readonly blocked: boolean
  /** Whether the server keeps listening after this response. */
  readonly reusable: boolean
  begin(handler: ResponseHandler, request: RequestHead): void
  /** `lines` with the final empty line. */
  sendHead(lines: string, framing: Framing): void
  sendData(framing: Framing, chunk: Buffer, start: number, end: number): void
  sendEnd(framing: Framing, trailers: string): void
  flush(): void
  pauseResponse(): void
  resumeResponse(): void
  destroy(): void
  takeOver(): ByteStream | undefined
}

export interface Waiter {
  connected(connection: UpstreamConnection): void
  connectFailed(error: unknown): void
}

/** Connections to one endpoint with one identity, in one version of HTTP. */
export interface ConnectionPool {
  /** A connection for one request, or undefined: then `wait`. */
  take(): UpstreamConnection | undefined
  wait(waiter: Waiter): void
  cancel(waiter: Waiter): void
  /** Request and response have ended. */
  release(connection: UpstreamConnection, nowMs: number): void
  /** The endpoint is gone: idle connections close now, busy ones after their answer. */
  close(): void
  /** Cuts everything. */
  destroy(): void
  readonly size: number
}
