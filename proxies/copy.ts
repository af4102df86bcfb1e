import type { Socket } from 'node:net'
import { errorCode } from './errors.ts'
import type { TunnelStream } from './hbone/wire/tunnel-stream.ts'
import type { Counter } from './telemetry/registry.ts'

/**
 * The byte loop of all L4 traffic, and the whole of it.
 *
 * One 'data' event is one chunk as the kernel or the TLS layer gave it; it goes into the other side's
 * `write` by reference. Nothing is copied in JavaScript: the socket reads into a fresh buffer of
 * libuv, node's HTTP/2 layer keeps a reference until the TLS layer has encrypted it, and the reverse.
 * `stream.pipe` does the same work with more listeners and a check of every destination per chunk.
 *
 * Back-pressure: a `write` that returns false pauses the reading side until 'drain', so that what is
 * held in memory per direction is one stream buffer and, in HTTP/2, one flow-control window.
 *
 * Ends (istio/ztunnel src/copy.rs): the directions are independent, the connection is over when both
 * are. FIN becomes END_STREAM and the reverse. A reset of one side reaches the other as a clean end;
 * any other error ends both at once.
 */
export interface SpliceOptions {
  /** Client to server. */
  readonly received: Counter
  /** Server to client. */
  readonly sent: Counter
  /** Called once, when both sides are closed. */
  readonly onEnd: (error: Error | undefined) => void
}

export type Side = Socket | TunnelStream

export function splice(client: Side, server: Side, options: SpliceOptions): void {
  let open = 2
  let failure: Error | undefined
  const closed = (): void => {
    open -= 1
    if (open === 0) options.onEnd(failure)
  }
  const failed = (error: Error): void => {
    failure ??= error
    client.destroy()
    server.destroy()
  }
  forward(client, server, options.received, failed)
  forward(server, client, options.sent, failed)
  afterClose(client, closed)
  afterClose(server, closed)
}

function forward(from: Side, to: Side, bytes: Counter, failed: (error: Error) => void): void {
  from.on('data', (chunk: Buffer) => {
    bytes.value += chunk.length
    if (!to.write(chunk)) from.pause()
  })
  to.on('drain', () => from.resume())
  // A client may have ended, without a byte, while its connection was being made.
  if (from.readableEnded) to.end()
  else from.on('end', () => to.end())
  from.on('error', (error) => {
    if (!isReset(error)) failed(error)
  })
  // Without a FIN before it this is a reset: what was read is delivered, then nothing more is taken.
  afterClose(from, () => {
    if (to.destroyed) return
    if (!to.writableEnded) to.end()
    if (from.readableEnded && from.writableFinished) return
    // What it still sends has nowhere to go.
    if (to.writableFinished) to.destroy()
    else to.once('finish', () => to.destroy())
  })
}

/** Ends a connection that must not go on, e.g. after a policy change; `splice` reports the end. */
export function cutSides(client: Side, server: Side): void {
  client.destroy()
  server.destroy()
}

function afterClose(side: Side, action: () => void): void {
  if (side.closed) queueMicrotask(action)
  else side.once('close', action)
}

/** What counts as an ordinary end of a connection while copying. */
const RESETS = new Set([
  'ECONNRESET',
  'EPIPE',
  'ENOTCONN',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
])

function isReset(error: Error): boolean {
  return RESETS.has(errorCode(error) ?? '')
}
