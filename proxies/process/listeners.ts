import { createServer, type Server, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { CapturedListener, SocketAddress } from '../config/process.ts'
import { TCP_KEEPALIVE_MS } from '../identity/client.ts'
import { log } from '../telemetry/log.ts'

/**
 * One live downstream connection. `drain` asks it to end when its work is done (GOAWAY,
 * `connection: close`); `cut` ends it now. Both may be called at any time, more than once.
 */
export interface Live {
  drain?: () => void
  cut: () => void
}

/** Serves one accepted socket. The default `live.cut` destroys the socket. */
export type Accept = (socket: Socket, live: Live) => void

/** A bound socket received from the parent, or an address to bind. */
export type Bind = { readonly handle: unknown } | { readonly address: SocketAddress }

interface Open {
  readonly listener: CapturedListener
  readonly server: Server
  readonly live: Set<Connection>
}

/** A drain that comes before the connection knows how to (its handshake is under way) is made up for. */
class Connection implements Live {
  cut: () => void
  #drain: (() => void) | undefined
  #draining = false

  constructor(socket: Socket) {
    this.cut = () => socket.destroy()
  }

  get drain(): () => void {
    return () => {
      this.#draining = true
      this.#drain?.()
    }
  }

  set drain(drain: () => void) {
    this.#drain = drain
    if (this.#draining) drain()
  }
}

/** Each may take a second descriptor towards its upstream, and a process has perhaps 20,000 of them. */
export const MAX_CONNECTIONS = 10_000

export function maxConnections(env: Readonly<Record<string, string | undefined>>): number {
  const wanted = Number(env.MAX_CONNECTIONS)
  return Number.isInteger(wanted) && wanted > 0 ? wanted : MAX_CONNECTIONS
}

/** More than node's 16 KiB, so that a bulk transfer is not paused at every chunk libuv reads. */
const SOCKET_BUFFER_BYTES = 128 * 1024

/**
 * The captured sockets a process serves.
 * - An id is open at most once; opened again, the newer socket takes the place of the older one: the
 *   parent asks again when the answer was late. Connections of the older one stay.
 * - `close` stops accepting before it returns and never touches another listener's connections.
 * - Never more than `maxConnections` of all listeners together: one more is closed unheard.
 */
export class Listeners {
  readonly #open = new Map<string, Open>()
  readonly #draining = new Set<Connection>()
  readonly #maxConnections: number
  #connections = 0
  #refused = 0
  #idle: (() => void)[] = []

  constructor(maxConnections = MAX_CONNECTIONS) {
    this.#maxConnections = maxConnections
  }

  open(id: string, listener: CapturedListener, bind: Bind, accept: Accept): Promise<void> {
    const replaced = this.#open.get(id)
    replaced?.server.close()
    const live = replaced?.live ?? new Set<Connection>()
    const server = createServer(
      {
        allowHalfOpen: true,
        noDelay: true,
        // As ztunnel: not on 15008, where HTTP/2 PING does it.
        keepAlive: listener.kind !== 'hbone',
        keepAliveInitialDelay: TCP_KEEPALIVE_MS,
        highWaterMark: SOCKET_BUFFER_BYTES,
      },
      (socket) => {
        if (this.#connections >= this.#maxConnections) {
          this.#refuse(socket)
          return
        }
        const entry = new Connection(socket)
        live.add(entry)
        this.#connections += 1
        socket.once('close', () => {
          this.#connections -= 1
          live.delete(entry)
          this.#draining.delete(entry)
          this.#settle()
        })
        accept(socket, entry)
      },
    )
    this.#open.set(id, { listener, server, live })
    return new Promise((resolve, reject) => {
      server.once('error', (error) => {
        if (this.#open.get(id)?.server === server) this.#open.delete(id)
        reject(error)
      })
      if ('address' in bind) server.listen({ ...bind.address, exclusive: true }, resolve)
      else server.listen(bind.handle, resolve)
    })
  }

  /** Unknown ids are ignored: the parent may repeat itself after a restart. */
  close(id: string, drainMs: number): void {
    const open = this.#open.get(id)
    if (!open) return
    this.#open.delete(id)
    open.server.close()
    const drained = [...open.live]
    for (const live of drained) {
      this.#draining.add(live)
      live.drain()
    }
    if (drained.length === 0) return
    const timer = setTimeout(() => {
      for (const live of drained) if (this.#draining.delete(live)) live.cut()
    }, drainMs)
    timer.unref()
  }

  /** Closes everything; resolves when no connection is left, which is at the deadline or before. */
  async drain(deadlineMs: number): Promise<void> {
    const startedAt = performance.now()
    for (const id of [...this.#open.keys()]) this.close(id, deadlineMs)
    if (this.#draining.size === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(
        () => {
          for (const live of this.#draining) live.cut()
          this.#draining.clear()
          resolve()
        },
        Math.max(0, deadlineMs - (performance.now() - startedAt)),
      )
      this.#idle.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  ids(): readonly string[] {
    return [...this.#open.keys()]
  }

  all(): readonly CapturedListener[] {
    return [...this.#open.values()].map(({ listener }) => listener)
  }

  #refuse(socket: Socket): void {
    socket.on('error', () => {}).resetAndDestroy()
    this.#refused += 1
    if (this.#refused > 1) return
    // One line for all of a second.
    setTimeout(() => {
      const limit = this.#maxConnections
      log('warn', 'listeners', 'connections refused: too many', { limit, refused: this.#refused })
      this.#refused = 0
    }, 1_000).unref()
  }

  #settle(): void {
    if (this.#draining.size > 0) return
    for (const resolve of this.#idle) resolve()
    this.#idle = []
  }
}
