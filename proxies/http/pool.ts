import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
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
}

/**
 * HTTP/1.1 connections to one endpoint with one identity.
 * - A connection serves one request at a time and returns only when nothing is left in it.
 * - The one used last is used next, so that surplus ones grow old and close.
 * - For every waiter a connection is being dialled; whichever becomes free first serves the oldest.
 */
export class Pool implements ConnectionPool {
  readonly #options: PoolOptions
  readonly #idle: ClientConnection[] = []
  readonly #all = new Set<ClientConnection>()
  #waiters: Waiter[] = []
  #closed = new AbortController()

  constructor(options: PoolOptions) {
    this.#options = options
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
    this.#waiters.push(waiter)
    this.#options.dial(this.#closed.signal).then(
      (socket) => this.#add(socket),
      (error: unknown) => this.#waiters.shift()?.connectFailed(error),
    )
  }

  cancel(waiter: Waiter): void {
    this.#waiters = this.#waiters.filter((waiting) => waiting !== waiter)
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
    for (const connection of this.#all) connection.socket.destroy()
  }

  get size(): number {
    return this.#all.size
  }

  #add(socket: Duplex): void {
    const connection = new ClientConnection(socket, {
      limits: this.#options.limits,
      sweeper: this.#options.sweeper,
      onClosed: (closed) => {
        this.#all.delete(closed)
        const index = this.#idle.indexOf(closed)
        if (index >= 0) this.#idle.splice(index, 1)
      },
    })
    this.#all.add(connection)
    this.#offer(connection)
  }

  #offer(connection: ClientConnection): void {
    const waiter = this.#waiters.shift()
    if (waiter !== undefined) waiter.connected(connection)
    else if (this.#closed.signal.aborted) connection.destroy()
    else this.#idle.push(connection)
  }
}
