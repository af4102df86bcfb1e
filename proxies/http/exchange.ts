import { performance } from 'node:perf_hooks'
import { errorCode } from '../errors.ts'
import { writeData, writeEnd } from './body-encoder.ts'
import type { ClientConnection, ResponseHandler, UpstreamFailure } from './client-connection.ts'
import { choose, type Upstream } from './cluster.ts'
import type { RequestHead, ResponseHead } from './head.ts'
import type { HttpLimits } from './limits.ts'
import type { Waiter } from './pool.ts'
import { Replay } from './replay.ts'
import { type Reply, replies, replyLines } from './reply.ts'
import { backOffMs, isIdempotent } from './retry.ts'
import type { HttpRules } from './rules.ts'
import { requestLines, responseEncoding, responseLines } from './serialise.ts'
import type { RequestHandler, ServerConnection } from './server-connection.ts'
import { joinUpgraded } from './upgrade.ts'

/**
 * One request from its head to the end of its answer, over as many tries as it takes.
 * - `upstream` is set exactly while a connection is ours; `#target.active` counts it from choice to
 *   release.
 * - The body is replayable until the first byte of an answer, or until it outgrows the limit.
 * - `finish` runs once, whatever happens, and records the request.
 */
export class Exchange implements RequestHandler, ResponseHandler, Waiter {
  readonly request: RequestHead
  readonly startedMs = performance.now()
  requestBytes = 0
  responseBytes = 0
  /** What the client was answered; 0 when it got nothing. */
  status = 0
  flags = '-'
  attempts = 0
  target: Upstream | undefined
  upstreamServiceMs = 0
  durationMs = 0
  readonly #downstream: ServerConnection
  readonly #rules: HttpRules
  readonly #replay: Replay
  #upstreams: readonly Upstream[] = []
  #tried: readonly Upstream[] = []
  #lines = ''
  #upstream: ClientConnection | undefined
  #waiting = false
  #backOff: NodeJS.Timeout | undefined
  #sentMs = 0
  #requestDone = false
  #responseStarted = false
  #responseDone = false
  #finished = false

  constructor(
    downstream: ServerConnection,
    request: RequestHead,
    rules: HttpRules,
    limits: HttpLimits,
  ) {
    this.#downstream = downstream
    this.request = request
    this.#rules = rules
    this.#replay = new Replay(limits.replayBytes)
  }

  start(): void {
    const { request } = this
    this.requestBytes = request.text.length
    const route = this.#rules.route(request)
    if ('reply' in route) {
      this.#reply(route.reply)
      return
    }
    this.#upstreams = route.cluster.upstreams
    const upgrade = request.upgrade === 'websocket' ? UPGRADE_LINES : ''
    const added = this.#rules.requestFields(request) + upgrade
    this.#lines = requestLines(request, this.#rules.requestDrop, added)
    this.#try()
  }

  // --- from the client ---

  requestData(chunk: Buffer, start: number, end: number): void {
    if (this.#finished) return
    this.requestBytes += end - start
    this.#replay.add(chunk, start, end)
    if (this.#upstream === undefined) {
      if (this.#replay.full) this.#downstream.pauseRequest()
      return
    }
    writeData(this.#upstream.output, this.request.framing, chunk, start, end)
    if (this.#replay.full) this.#replay.drop()
  }

  requestEnd(trailers: string): void {
    this.#requestDone = true
    if (this.#finished) return
    this.#replay.end(trailers)
    if (this.#upstream === undefined) return
    writeEnd(this.#upstream.output, this.request.framing, trailers)
    if (this.#responseDone) this.#finish()
  }

  requestAborted(): void {
    if (this.#finished) return
    this.flags = this.#responseDone ? this.flags : 'DC'
    this.#finish()
  }

  flushRequest(): void {
    const output = this.#upstream?.output
    if (output === undefined) return
    output.flush()
    if (output.blocked) this.#downstream.pauseRequest()
  }

  downstreamDrained(): void {
    this.#upstream?.socket.resume()
  }

  // --- from the upstream ---

  connected(connection: ClientConnection): void {
    this.#waiting = false
    this.#send(connection)
    this.flushRequest()
    if (!connection.output.blocked) this.#downstream.resumeRequest()
  }

  connectFailed(error: unknown): void {
    this.#waiting = false
    this.#leaveTarget()
    const timedOut = errorCode(error) === 'CONNECT_TIMEOUT'
    const reply = timedOut ? replies.connectTimeout : replies.connectFailure
    this.#retryOr(reply, this.#rules.retry.connectFailure, true)
  }

  upstreamFailed({ kind, reused }: UpstreamFailure): void {
    this.#upstream = undefined
    this.#leaveTarget()
    if (this.#responseDone) {
      this.#finish()
      this.#downstream.endAfterResponse()
      return
    }
    if (this.#responseStarted) {
      this.flags = kind === 'protocol' ? 'UPE' : 'UC'
      this.#finish()
      this.#downstream.abort()
      return
    }
    // The server may have closed an idle connection just as we used it. Nothing tells whether it
    // read the request, so only one that may be repeated is.
    const stale = kind === 'closed' && reused && isIdempotent(this.request.method)
    const reply = kind === 'protocol' ? replies.protocolError : replies.connectionTermination
    this.#retryOr(reply, stale, false)
  }

  responseInterim(head: ResponseHead): void {
    this.#downstream.sendInterim(responseLines(head, this.#rules.responseDrop, 'none', ''))
  }

  responseHead(head: ResponseHead): void {
    this.#replay.drop()
    const { request } = this
    const asked = request.method === 'CONNECT' || request.upgrade === 'websocket'
    if (head.status === 101 && !asked) {
      this.#upstream?.destroy()
      this.upstreamFailed({ kind: 'protocol', reused: false })
      return
    }
    this.#responseStarted = true
    this.status = head.status
    this.responseBytes = head.text.length
    this.upstreamServiceMs = performance.now() - this.#sentMs
    const added = this.#rules.responseFields(this, head)
    const { responseDrop } = this.#rules
    if (head.status === 101 || (request.method === 'CONNECT' && head.status < 300)) {
      const upgrade = head.status === 101 ? added + UPGRADE_LINES : added
      this.#tunnel(responseLines(head, responseDrop, 'none', upgrade))
      return
    }
    const encoding = responseEncoding(head, request.minor)
    // An upstream that will not read the rest of the request leaves no way to keep the client's.
    const close = !this.#requestDone && this.#upstream?.reusable === false
    this.#downstream.sendHead(responseLines(head, responseDrop, encoding, added), encoding, close)
  }

  responseData(chunk: Buffer, start: number, end: number): void {
    this.responseBytes += end - start
    this.#downstream.sendData(chunk, start, end)
  }

  responseEnd(trailers: string): void {
    this.#responseDone = true
    this.#downstream.sendEnd(trailers)
    // Until the rest of the request has arrived it is still passed on, unless nobody reads it.
    if (this.#requestDone || !this.#downstream.keepAlive) this.#finish()
    this.#downstream.finishResponse()
  }

  flushResponse(): void {
    if (this.#finished) return
    this.#downstream.output.flush()
    if (this.#downstream.output.blocked) this.#upstream?.socket.pause()
  }

  upstreamDrained(): void {
    this.#downstream.resumeRequest()
  }

  // --- tries ---

  #try(): void {
    const target = choose(this.#upstreams, this.#tried)
    if (target === undefined) {
      this.#reply(replies.noHealthyUpstream)
      return
    }
    this.target = target
    target.active += 1
    this.attempts += 1
    const connection = target.pool.take()
    if (connection !== undefined) this.#send(connection)
    else {
      this.#waiting = true
      target.pool.wait(this)
    }
  }

  #send(connection: ClientConnection): void {
    this.#upstream = connection
    this.#sentMs = performance.now()
    connection.begin(this, this.request.method)
    const attempt = this.#rules.countAttempts ? `x-envoy-attempt-count: ${this.attempts}\r\n` : ''
    connection.output.text(`${this.#lines}${attempt}\r\n`)
    this.#replay.write(connection.output, this.request.framing)
    if (this.#replay.full) this.#replay.drop()
  }

  #retryOr(reply: Reply, allowed: boolean, wait: boolean): void {
    const { retry } = this.#rules
    if (!allowed || this.attempts > retry.retries || this.#replay.dropped) {
      this.#reply(this.attempts > 1 ? { ...reply, flags: `${reply.flags},URX` } : reply)
      return
    }
    if (this.target) this.#tried = [...this.#tried, this.target]
    if (wait) this.#backOff = setTimeout(() => this.#again(), backOffMs(this.attempts))
    else this.#again()
  }

  #again(): void {
    this.#backOff = undefined
    this.#try()
    this.flushRequest()
  }

  #reply({ status, body, flags }: Reply): void {
    this.status = status
    this.flags = flags
    const lines = replyLines(status, body, this.#rules.serverName)
    this.#downstream.sendHead(lines, 'length', !this.#requestDone && this.#hasBody())
    this.responseBytes = body.length
    if (this.request.method !== 'HEAD') this.#downstream.output.text(body)
    this.#downstream.sendEnd('')
    this.#responseDone = true
    this.#finish()
    this.#downstream.finishResponse()
  }

  #hasBody(): boolean {
    return this.request.framing !== 'none'
  }

  #tunnel(lines: string): void {
    const upstream = this.#upstream
    if (upstream === undefined) return
    this.#downstream.output.text(`${lines}\r\n`)
    joinUpgraded(this.#downstream, upstream, ({ received, sent }) => {
      this.requestBytes += received
      this.responseBytes += sent
      this.#upstream = undefined
      this.#leaveTarget()
      this.#finish()
    })
  }

  #leaveTarget(): void {
    if (this.target !== undefined) this.target.active -= 1
  }

  /** Gives back or cuts what it holds, and records. */
  #finish(): void {
    if (this.#finished) return
    this.#finished = true
    const nowMs = performance.now()
    this.durationMs = nowMs - this.startedMs
    clearTimeout(this.#backOff)
    const upstream = this.#upstream
    this.#upstream = undefined
    if (this.#waiting) this.target?.pool.cancel(this)
    if (upstream !== undefined || this.#waiting) this.#leaveTarget()
    if (upstream !== undefined) {
      upstream.output.flush()
      if (this.#requestDone && this.#responseDone) this.target?.pool.release(upstream, nowMs)
      else upstream.destroy()
    }
    this.#rules.record(this)
  }
}

const UPGRADE_LINES = 'connection: Upgrade\r\nupgrade: websocket\r\n'
