import { type ClientHttp2Session, connect } from 'node:http2'
import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { endSession } from '../hbone/end-session.ts'
import { keepAlive, settings } from '../hbone/keepalive.ts'
import { carrierOf } from '../hbone/stream-carrier.ts'
import type { ConnectionPool, UpstreamConnection, Waiter } from './codec.ts'
import { awaitGreeting } from './http2-greeting.ts'
import { clientSettings, SESSION_WINDOW_BYTES } from './http2-settings.ts'
import { Http2Upstream } from './http2-upstream.ts'
import type { PoolOptions } from './pool.ts'
import type { Expiring } from './sweeper.ts'

interface Session extends Expiring {
  readonly http2: ClientHttp2Session
  readonly socket: Duplex
  streams: number
  deadlineMs: number
}

/** A busy application may take its time; one that broke the protocol never answers again. */
const ANSWER_TIMEOUT_MS = 60_000
/** Assumed until the server's settings arrive. */
const DEFAULT_MAX_STREAMS = 100

/**
 * HTTP/2 connections to one endpoint with one identity: one, and further ones only while the server
 * allows no more streams, as in Envoy.
 * - While a connection is being made all who ask wait for it; it serves them in order.
 */
export class Http2Pool implements ConnectionPool {
  readonly #options: PoolOptions
  readonly #sessions = new Set<Session>()
  #waiters: Waiter[] = []
  #dialling = false
  #closed = new AbortController()

  constructor(options: PoolOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#sessions.size
  }

  take(): UpstreamConnection | undefined {
    for (const session of this.#sessions) {
      const { http2 } = session
      const limit = http2.remoteSettings?.maxConcurrentStreams ?? DEFAULT_MAX_STREAMS
      if (!http2.closed && !http2.destroyed && session.streams < limit) return this.#open(session)
    }
    return undefined
  }

  wait(waiter: Waiter): void {
    this.#waiters.push(waiter)
    this.#dial()
  }

  cancel(waiter: Waiter): void {
    this.#waiters = this.#waiters.filter((waiting) => waiting !== waiter)
  }

  release(connection: UpstreamConnection): void {
    if (connection instanceof Http2Upstream) connection.detach()
  }

  close(): void {
    this.#closed.abort(new Error('the endpoint is gone'))
    for (const { http2 } of this.#sessions) http2.close()
  }

  destroy(): void {
    this.#closed.abort(new Error('the endpoint is gone'))
    for (const { http2, socket } of this.#sessions) endSession(http2, socket)
  }

  #dial(): void {
    if (this.#dialling) return
    this.#dialling = true
    this.#options.dial(this.#closed.signal).then(
      (dialled) => {
        this.#dialling = false
        const socket = carrierOf(dialled)
        // Streams have their own ends; a connection whose server has gone is over at once.
        socket.allowHalfOpen = false
        const http2 = connect('http://upstream', {
          ...clientSettings(this.#options.limits),
          createConnection: () => socket,
        })
        this.#add(http2, socket)
      },
      (error: unknown) => {
        this.#dialling = false
        this.#failWaiters(error)
      },
    )
  }

  #add(http2: ClientHttp2Session, socket: Duplex): void {
    const { sweeper, limits } = this.#options
    const session: Session = {
      http2,
      socket,
      streams: 0,
      deadlineMs: performance.now() + limits.idleTimeoutMs,
      expire: () => http2.close(),
    }
    http2.on('error', () => {})
    const dead = (): void => endSession(http2, socket)
    keepAlive(http2, dead, { probe: settings, timeoutMs: ANSWER_TIMEOUT_MS })
    http2.once('close', () => {
      this.#sessions.delete(session)
      sweeper.delete(session)
    })
    if (this.#closed.signal.aborted) {
      endSession(http2, socket)
      return
    }
    this.#sessions.add(session)
    sweeper.add(session)
    // Before its settings are known a server could be asked for more streams than it allows.
    const greeted = (): void => {
      if (!http2.destroyed) http2.setLocalWindowSize(SESSION_WINDOW_BYTES)
      this.#serveWaiters()
      http2.once('close', () => {
        if (this.#waiters.length > 0) this.#dial()
      })
    }
    awaitGreeting(http2, { greeted, failed: (error) => this.#failWaiters(error) })
  }

  #open(session: Session): UpstreamConnection {
    const { limits } = this.#options
    session.streams += 1
    session.deadlineMs = Number.POSITIVE_INFINITY
    return new Http2Upstream(session.http2, session.socket, limits, () => {
      session.streams -= 1
      if (session.streams === 0) session.deadlineMs = performance.now() + limits.idleTimeoutMs
      this.#serveWaiters()
    })
  }

  #serveWaiters(): void {
    while (this.#waiters.length > 0) {
      const upstream = this.take()
      if (upstream === undefined) {
        this.#dial()
        return
      }
      this.#waiters.shift()?.connected(upstream)
    }
  }

  #failWaiters(error: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.connectFailed(error)
  }
}
