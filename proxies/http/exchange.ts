import { performance } from 'node:perf_hooks'
import { errorCode } from '../errors.ts'
import type { Upstream } from './cluster.ts'
import type {
  ConnectionPool,
  Downstream,
  RequestHandler,
  ResponseHandler,
  UpstreamConnection,
  UpstreamFailure,
  Waiter,
} from './codec.ts'
import { grpcReply, grpcStatusOf, grpcStatusOfHead, isGrpc } from './grpc.ts'
import type { RequestHead, ResponseHead } from './head.ts'
import type { HttpLimits } from './limits.ts'
import { Replay } from './replay.ts'
import { type Reply, replies, sendReply } from './reply.ts'
import { backOffMs, isIdempotent } from './retry.ts'
import type { HttpRules } from './rules.ts'
import { requestLines, responseEncoding, responseLines } from './serialise.ts'
import { Tries } from './tries.ts'
import { joinStreams } from './upgrade.ts'

/**
 * One request from its head to the end of its answer, over as many tries as it takes.
 * - `#upstream` is set exactly while a connection is ours.
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
  upstreamServiceMs = 0
  /** Undefined unless the request is gRPC; empty until its status is known. */
  grpcStatus: string | undefined
  durationMs = 0
  readonly #downstream: Downstream
  readonly #rules: HttpRules
  readonly #replay: Replay
  readonly #tries = new Tries()
  #lines = ''
  #upstream: UpstreamConnection | undefined
  #pool: ConnectionPool | undefined
  #waiting = false
  #backOff: NodeJS.Timeout | undefined
  #sentMs = 0
  #requestDone = false
  #responseStarted = false
  #responseDone = false
  #finished = false

  constructor(downstream: Downstream, request: RequestHead, rules: HttpRules, limits: HttpLimits) {
    this.#downstream = downstream
    this.request = request
    this.#rules = rules
    this.#replay = new Replay(limits.replayBytes)
  }

  /** Which endpoint answered, or was tried last. */
  get target(): Upstream | undefined {
    return this.#tries.target
  }

  get attempts(): number {
    return this.#tries.count
  }

  start(): void {
    const { request } = this
    this.requestBytes = request.text.length
    if (isGrpc(request)) this.grpcStatus = ''
    const route = this.#rules.route(request)
    if ('reply' in route) {
      this.#reply(route.reply)
      return
    }
    this.#tries.to(route, request)
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
    this.#upstream.sendData(this.request.framing, chunk, start, end)
    if (this.#replay.full) this.#replay.drop()
  }

  requestEnd(trailers: string): void {
    this.#requestDone = true
    if (this.#finished) return
    this.#replay.end(trailers)
    if (this.#upstream === undefined) return
    this.#upstream.sendEnd(this.request.framing, trailers)
    if (this.#responseDone) this.#finish()
  }

  requestAborted(): void {
    if (this.#finished) return
    this.flags = this.#responseDone ? this.flags : 'DC'
    this.#finish()
  }

  flushRequest(): void {
    const upstream = this.#upstream
    if (upstream === undefined) return
    upstream.flush()
    if (upstream.blocked) this.#downstream.pauseRequest()
  }

  downstreamDrained(): void {
    this.#upstream?.resumeResponse()
  }

  // --- from the upstream ---

  connected(connection: UpstreamConnection): void {
    this.#waiting = false
    this.#send(connection)
    this.flushRequest()
    if (!connection.blocked) this.#downstream.resumeRequest()
  }

  connectFailed(error: unknown): void {
    this.#waiting = false
    this.#tries.leave()
    const timedOut = errorCode(error) === 'CONNECT_TIMEOUT'
    const reply = timedOut ? replies.connectTimeout : replies.connectFailure
    this.#retryOr(reply, this.#rules.retry.connectFailure, true)
  }

  upstreamFailed({ kind, reused }: UpstreamFailure): void {
    this.#upstream = undefined
    this.#tries.leave()
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
    const refused = kind === 'refused' && this.#rules.retry.connectFailure
    const reply = kind === 'protocol' ? replies.protocolError : replies.connectionTermination
    this.#retryOr(reply, stale || refused, refused)
  }

  responseInterim(head: ResponseHead): void {
    this.#downstream.sendInterim(responseLines(head, this.#rules.responseDrop, 'none', ''))
  }

  responseHead(head: ResponseHead): void {
    const { request } = this
    if (this.grpcStatus !== undefined) {
      this.grpcStatus = grpcStatusOfHead(head) ?? ''
      if (!this.#replay.dropped && this.#tries.grpcFailed(this.grpcStatus, this.#rules.retry)) {
        this.#upstream?.destroy()
        this.#upstream = undefined
        this.#tries.leave()
        this.#retryLater()
        return
      }
    }
    this.#replay.drop()
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
    if (this.grpcStatus === '') this.grpcStatus = grpcStatusOf(trailers)
    this.#downstream.sendEnd(trailers)
    // Until the rest of the request has arrived it is still passed on, unless nobody reads it.
    if (this.#requestDone || !this.#downstream.keepAlive) this.#finish()
    this.#downstream.finishResponse()
  }

  flushResponse(): void {
    if (this.#finished) return
    this.#downstream.flush()
    if (this.#downstream.blocked) this.#upstream?.pauseResponse()
  }

  upstreamDrained(): void {
    this.#downstream.resumeRequest()
  }

  // --- tries ---

  #try(): void {
    const pool = this.#tries.next()
    if (pool === undefined) {
      this.#reply(replies.noHealthyUpstream)
      return
    }
    this.#pool = pool
    const connection = pool.take()
    if (connection !== undefined) this.#send(connection)
    else {
      this.#waiting = true
      pool.wait(this)
    }
  }

  #send(connection: UpstreamConnection): void {
    this.#upstream = connection
    this.#sentMs = performance.now()
    const { framing } = this.request
    connection.begin(this, this.request)
    const attempt = this.#rules.countAttempts ? `x-envoy-attempt-count: ${this.attempts}\r\n` : ''
    connection.sendHead(`${this.#lines}${attempt}\r\n`, framing)
    this.#replay.write(connection, framing)
    if (this.#replay.full) this.#replay.drop()
  }

  #retryOr(reply: Reply, allowed: boolean, wait: boolean): void {
    const { retry } = this.#rules
    if (!allowed || this.attempts > retry.retries || this.#replay.dropped) {
      this.#reply(this.attempts > 1 ? { ...reply, flags: `${reply.flags},URX` } : reply)
      return
    }
    if (wait) this.#retryLater()
    else this.#again()
  }

  #again(): void {
    this.#backOff = undefined
    this.#try()
    this.flushRequest()
  }

  #reply(reply: Reply): void {
    const given = this.grpcStatus === undefined ? reply : grpcReply(reply)
    this.status = given.status
    this.flags = given.flags
    this.grpcStatus = given.grpcStatus
    this.responseBytes = given.body.length
    sendReply(this.#downstream, given, {
      server: this.#rules.serverName,
      bodiless: this.request.method === 'HEAD',
      close: !this.#requestDone && this.request.framing !== 'none',
    })
    this.#responseDone = true
    this.#finish()
    this.#downstream.finishResponse()
  }

  #retryLater(): void {
    this.#backOff = setTimeout(() => this.#again(), backOffMs(this.attempts))
  }

  #tunnel(lines: string): void {
    const upstream = this.#upstream
    const server = upstream?.takeOver()
    const client = server && this.#downstream.takeOver(`${lines}\r\n`)
    if (!server || !client) {
      this.#finish()
      this.#downstream.abort()
      return
    }
    joinStreams(client, server, ({ received, sent }) => {
      this.requestBytes += received
      this.responseBytes += sent
      this.#upstream = undefined
      this.#tries.leave()
      this.#finish()
    })
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
    if (this.#waiting) this.#pool?.cancel(this)
    if (upstream !== undefined || this.#waiting) this.#tries.leave()
    if (upstream !== undefined) {
      upstream.flush()
      if (this.#requestDone && this.#responseDone) this.#pool?.release(upstream, nowMs)
      else upstream.destroy()
    }
    this.#rules.record(this)
  }
}

const UPGRADE_LINES = 'connection: Upgrade\r\nupgrade: websocket\r\n'
