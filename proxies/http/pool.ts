import { setMaxListeners } from 'node:events'
import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { ProxyError } from '../errors.ts'
import { destroySide } from '../hbone/end-stream.ts'
import { Breaker } from '../routing/breaker.ts'
import { ClientConnection } from './client-connection.ts'
import type { ConnectionPool, UpstreamConnection, Waiter } from './codec.ts'
import type { HttpLimits } from './limits.ts'
import type { Sweeper } from './sweeper.ts'

/** A ready byte stream to the endpoint, its identity verified. */
export type Dial = (signal: AbortSignal) => Promise<Duplex>

export interface PoolOptions {
  readonly limits: HttpLimits
  readonly sweeper: Sweeper
  readonly dial: Dial
  /** Shared by all pools of a cluster. */
  readonly breaker?: Breaker
}

/**
 * HTTP/1.1 connections to one endpoint with one identity.
 * - A connection serves one request at a time and returns only when nothing is left in it.
 * - The one used last is used next, so that surplus ones grow old and close.
 * - For every waiter a connection is being dialled, as far as the breaker lets; whichever becomes
 *   free first serves the oldest. One connection is always let (Envoy's rule as well).
 */
export class Pool implements ConnectionPool {
  readonly #options: PoolOptions
  readonly #idle: ClientConnection[] = []
  readonly #all = new Set<ClientConnection>()
  readonly #breaker: Breaker
  #waiters: Waiter[] = []
  #dialling = 0
  #closed = new AbortController()

  constructor(options: PoolOptions) {
    this.#options = options
    this.#breaker = options.breaker ?? new Breaker()
    // Every dial that is under way listens to it.
    setMaxListeners(0, this.#closed.signal)
  }

  take(): ClientConnection | undefined {
    const nowMs = performance.now()
    for (let next = this.#idle.pop(); next !== undefined; next = this.#idle.pop()) {
      if (next.usable(nowMs)) return next
      next.destroy()
    }
    return undefined
  }

  wait(waiter: Waiter): void {
    if (!this.#breaker.mayWait()) {
      waiter.connectFailed(new ProxyError('POOL_OVERFLOW', 'too many requests wait'))
      return
    }
    this.#breaker.pending += 1
    this.#waiters.push(waiter)
    this.#dial()
  }

  cancel(waiter: Waiter): void {
    const left = this.#waiters.filter((waiting) => waiting !== waiter)
    this.#breaker.pending -= this.#waiters.length - left.length
    this.#waiters = left
  }

  release(connection: UpstreamConnection, nowMs: number): void {
    if (connection instanceof ClientConnection && connection.finish(nowMs)) this.#offer(connection)
  }

  close(): void {
    this.#closed.abort(new Error('the endpoint is gone'))
    for (const connection of this.#idle.splice(0)) connection.destroy()
  }

  destroy(): void {
    this.close()
    for (const connection of this.#all) destroySide(connection.socket)
  }

  get size(): number {
    return this.#all.size
  }

  #dial(): void {
    const breaker = this.#breaker
    if (this.#all.size + this.#dialling > 0 && !breaker.mayConnect()) return
    this.#dialling += 1
    breaker.connections += 1
    this.#options.dial(this.#closed.signal).then(
      (socket) => {
        this.#dialling -= 1
        this.#add(socket)
      },
      (error: unknown) => {
        this.#dialling -= 1
        breaker.connections -= 1
        this.#nextWaiter()?.connectFailed(error)
        this.#dialForWaiters()
      },
    )
  }

  /** Waiters that a limit kept from a connection of their own. */
  #dialForWaiters(): void {
    if (this.#waiters.length > this.#dialling) this.#dial()
  }

  #nextWaiter(): Waiter | undefined {
    const waiter = this.#waiters.shift()
    if (waiter !== undefined) this.#breaker.pending -= 1
    return waiter
  }

  #add(socket: Duplex): void {
    const connection = new ClientConnection(socket, {
      limits: this.#options.limits,
      sweeper: this.#options.sweeper,
      onClosed: (closed) => {
        this.#all.delete(closed)
        this.#breaker.connections -= 1
        const index = this.#idle.indexOf(closed)
        if (index >= 0) this.#idle.splice(index, 1)
        this.#dialForWaiters()
      },
    })
    this.#all.add(connection)
    this.#offer(connection)
  }

  #offer(connection: ClientConnection): void {
    const waiter = this.#nextWaiter()
    if (waiter !== undefined) waiter.connected(connection)
    else if (this.#closed.signal.aborted) connection.destroy()
    else this.#idle.push(connection)
  }
}
