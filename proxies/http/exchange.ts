import { performance } from 'node:perf_hooks'
import type {
  ConnectionPool,
  Downstream,
  RequestHandler,
  ResponseHandler,
  UpstreamConnection,
  UpstreamFailure,
  Waiter,
} from './codec.ts'
import { ExchangeRecord } from './exchange-record.ts'
import { connectFailure, type Failure, streamFailure, tryTimeout } from './failures.ts'
import { grpcStatusOf, grpcStatusOfHead, isGrpc } from './grpc.ts'
import type { RequestHead, ResponseHead } from './head.ts'
import type { HttpLimits } from './limits.ts'
import { plannedMirrors, plannedRequest, plannedResponse, UPGRADE_LINES } from './planned.ts'
import { Replay } from './replay.ts'
import { type Reply, replies, sendReply } from './reply.ts'
import type { HttpRules, Route } from './rules.ts'
import { responseEncoding, responseLines } from './serialise.ts'
import { Timers } from './timers.ts'
import { joinStreams } from './upgrade.ts'

/**
 * One request from its head to the end of its answer, over as many tries as it takes.
 * - `#upstream` is set exactly while a connection is ours.
 * - The body is replayable until the first byte of an answer, or until it outgrows the limit.
 * - `finish` runs once, whatever happens, and records the request.
 */
export class Exchange extends ExchangeRecord implements RequestHandler, ResponseHandler, Waiter {
  readonly #downstream: Downstream
  readonly #rules: HttpRules
  readonly #replay: Replay
  readonly #timers = new Timers()
  #upstream: UpstreamConnection | undefined
  #pool: ConnectionPool | undefined
  #waiting = false
  #sentMs = 0
  #requestDone = false
  #responseStarted = false
  #responseDone = false
  #finished = false

  constructor(downstream: Downstream, request: RequestHead, rules: HttpRules, limits: HttpLimits) {
    super(request)
    this.#downstream = downstream
    this.#rules = rules
    this.#replay = new Replay(limits.replayBytes)
  }

  start(): void {
    const { request } = this
    this.requestBytes = request.text.length
    if (isGrpc(request)) this.grpcStatus = ''
    const route = this.#rules.route(request)
    if (!(route instanceof Promise)) {
      this.#routed(route)
      return
    }
    const late = (decided: Route): void => {
      if (this.#finished) return
      this.#routed(decided)
      if (this.#upstream !== undefined) this.#proceed(this.#upstream)
    }
    route.then(late, () => late({ reply: replies.internalError }))
  }

  #routed(route: Route): void {
    if ('reply' in route) {
      this.#reply(route.reply)
      return
    }
    const { request } = this
    this.plan = route
    this.tries.to(route.cluster, request, route.retry ?? this.#rules.retry)
    this.lines = plannedRequest(route, request, this.#rules)
    if (route.mirrors !== undefined) {
      this.#replay.copyTo(plannedMirrors(route, request, this.#rules), request.framing)
    }
    if (this.#requestDone) this.#startTimeout()
    this.#try()
  }

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
    this.#startTimeout()
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

  connected(connection: UpstreamConnection): void {
    this.#waiting = false
    this.#send(connection)
    this.#proceed(connection)
  }

  #proceed(connection: UpstreamConnection): void {
    this.flushRequest()
    if (!connection.blocked) this.#downstream.resumeRequest()
  }

  connectFailed(error: unknown): void {
    this.#waiting = false
    this.failure = error
    const failure = connectFailure(error, this.tries.retry)
    this.tries.leave(failure.status)
    this.#retryOr(failure)
  }

  upstreamFailed(failed: UpstreamFailure): void {
    this.#upstream = undefined
    this.tries.leave(this.#responseStarted ? undefined : 503)
    if (this.#responseDone) {
      this.#finish()
      this.#downstream.endAfterResponse()
      return
    }
    if (this.#responseStarted) {
      this.#break(failed.kind === 'protocol' ? 'UPE' : 'UC')
      return
    }
    this.#retryOr(streamFailure(failed, this.request.method, this.tries.retry))
  }

  responseInterim(head: ResponseHead): void {
    this.#downstream.sendInterim(responseLines(head, this.#rules.responseDrop, 'none', ''))
  }

  responseHead(head: ResponseHead): void {
    const { request } = this
    this.#timers.endTry()
    this.tries.answered(head.status)
    const { grpcStatus } = this
    if (grpcStatus !== undefined) this.grpcStatus = grpcStatusOfHead(head) ?? ''
    const again =
      this.tries.isRetriedStatus(head.status) ||
      (grpcStatus !== undefined && this.tries.isRetriedGrpc(this.grpcStatus ?? ''))
    if (again && !this.#replay.dropped) {
      this.#abandon()
      this.#retryLater()
      return
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
    this.responseHeadBytes = head.text.length
    this.responseBytes = head.text.length
    this.upstreamServiceMs = performance.now() - this.#sentMs
    const added = this.#rules.responseFields(this, head)
    const plan = this.plan
    if (head.status === 101 || (request.method === 'CONNECT' && head.status < 300)) {
      const upgrade = head.status === 101 ? added + UPGRADE_LINES : added
      this.#tunnel(plannedResponse(plan, head, this.#rules, 'none', upgrade))
      return
    }
    const encoding = responseEncoding(head, request.minor)
    // An upstream that will not read the rest of the request leaves no way to keep the client's.
    const close = !this.#requestDone && this.#upstream?.reusable === false
    const lines = plannedResponse(plan, head, this.#rules, encoding, added)
    this.#downstream.sendHead(lines, encoding, close)
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

  #try(): void {
    const pool = this.tries.next()
    if ('status' in pool) {
      this.#reply(pool)
      return
    }
    this.#timers.startTry(this.tries.retry.perTryTimeoutMs, () => {
      this.#abandon(504)
      this.#retryOr(tryTimeout(this.tries.retry))
    })
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
    this.connection = connection
    this.#sentMs = performance.now()
    const { framing } = this.request
    connection.begin(this, this.request)
    const attempt = this.#rules.countAttempts ? `x-envoy-attempt-count: ${this.attempts}\r\n` : ''
    connection.sendHead(`${this.lines}${attempt}\r\n`, framing)
    this.#replay.write(connection, framing)
    if (this.#replay.full) this.#replay.drop()
  }

  #retryOr({ reply, retriable, backsOff }: Failure): void {
    this.#timers.endTry()
    if (!retriable || !this.tries.mayGoOn || this.#replay.dropped) {
      this.#reply(this.attempts > 1 ? { ...reply, flags: `${reply.flags},URX` } : reply)
      return
    }
    if (backsOff) this.#retryLater()
    else this.#again()
  }

  #again(): void {
    this.#try()
    this.flushRequest()
  }

  #reply(reply: Reply): void {
    sendReply(this.#downstream, this.noteReply(reply), {
      server: this.#rules.serverName,
      bodiless: this.request.method === 'HEAD',
      close: !this.#requestDone && this.request.framing !== 'none',
    })
    this.#responseDone = true
    this.#finish()
    this.#downstream.finishResponse()
  }

  #retryLater(): void {
    this.#timers.startBackOff(this.tries.backOffMs(), () => this.#again())
  }

  /** Envoy's request timeout begins when the whole request is there. */
  #startTimeout(): void {
    this.#timers.startRequest(this.plan.timeoutMs, () => {
      if (this.#responseDone) return
      if (this.#responseStarted) this.#break('UT')
      else {
        this.#abandon(504)
        this.#reply(replies.timeout)
      }
    })
  }

  /** The rest of an answer that has begun never comes. */
  #break(flags: string): void {
    this.flags = flags
    this.#finish()
    this.#downstream.abort()
  }

  /** Gives up the try under way, if there is one. */
  #abandon(status?: number): void {
    this.#timers.endTry()
    const upstream = this.#upstream
    if (this.#waiting) this.#pool?.cancel(this)
    if (this.#waiting || upstream !== undefined) this.tries.leave(status)
    this.#waiting = false
    this.#upstream = undefined
    upstream?.destroy()
  }

  #tunnel(lines: string): void {
    const joined = joinStreams(this.#downstream, this.#upstream, lines, ({ received, sent }) => {
      this.requestBytes += received
      this.responseBytes += sent
      this.#upstream = undefined
      this.tries.leave()
      this.#finish()
    })
    if (joined) return
    this.#finish()
    this.#downstream.abort()
  }

  /** Gives back or cuts what it holds, and records. */
  #finish(): void {
    if (this.#finished) return
    this.#finished = true
    const nowMs = performance.now()
    this.durationMs = nowMs - this.startedMs
    this.#timers.end()
    const upstream = this.#upstream
    this.#upstream = undefined
    if (this.#waiting) this.#pool?.cancel(this)
    if (upstream !== undefined || this.#waiting) this.tries.leave()
    if (upstream !== undefined) {
      upstream.flush()
      if (this.#requestDone && this.#responseDone) this.#pool?.release(upstream, nowMs)
      else upstream.destroy()
    }
    this.#rules.record(this)
  }
}
