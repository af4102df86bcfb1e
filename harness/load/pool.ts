import { type ClientOptions, openClients } from './autocannon-client.ts'
import { nowUs } from './clock.ts'
import { Connection, type ConnectionEvents, type ConnectionOptions } from './connection.ts'
import { Fifo } from './fifo.ts'
import type { LoadRequest, Outcome } from './request.ts'

export interface PoolEvents {
  settled(request: LoadRequest, outcome: Outcome, atUs: number, bytes: number, cause?: string): void
  /** A connection is free and nothing waits for it. The closed loop answers with `submit`. */
  idle(): void
  /** An attempt to connect on which no request depended has failed. */
  attemptFailed(): void
}

/**
 * The connections and the requests that wait for one, oldest first on both sides: every connection
 * carries its share of the load. A request waits while some connection may come free; once every
 * attempt to connect fails it fails too, as a client's would.
 */
export class Pool {
  opened = 0
  closedEarly = 0

  readonly #connections: Connection[] = []
  readonly #free = new Fifo<Connection>()
  readonly #waiting = new Fifo<LoadRequest>()
  readonly #events: PoolEvents
  readonly #stopClients: () => void
  readonly #sweep: NodeJS.Timeout
  #stopped = false

  constructor(client: ClientOptions, options: ConnectionOptions, events: PoolEvents) {
    this.#events = events
    const connectionEvents: ConnectionEvents = {
      free: (connection) => this.#release(connection),
      settled: (request, outcome, atUs, bytes, cause) =>
        events.settled(request, outcome, atUs, bytes, cause),
      stale: (request) => {
        request.retries = (request.retries ?? 0) + 1
        this.submit(request)
      },
      opened: () => {
        this.opened += 1
      },
      closedEarly: () => {
        this.closedEarly += 1
      },
      attemptFailed: () => events.attemptFailed(),
      paused: () => this.#failWaiting(),
    }
    this.#stopClients = openClients(client, (adopted) => {
      this.#connections.push(new Connection(adopted, options, connectionEvents))
    }).stop
    this.#sweep = setInterval(() => this.expire(), sweepMs(options.timeoutMs))
  }

  /** Some first attempt to connect has not ended yet. */
  get isOpening(): boolean {
    return this.#connections.some((connection) => connection.isConnecting)
  }

  get hasFree(): boolean {
    return this.#connections.some((connection) => connection.isFree)
  }

  /** Why attempts to connect fail. */
  get downCause(): string | undefined {
    return this.#connections.find(({ downCause }) => downCause !== undefined)?.downCause
  }

  submit(request: LoadRequest): void {
    const connection = this.#takeFree()
    if (connection !== undefined) connection.send(request)
    else if (this.#isDown())
      this.#events.settled(request, 'connectFailed', nowUs(), 0, this.downCause)
    else this.#waiting.push(request)
  }

  /** Requests that wait or are on a connection, taken off the record: nobody settles them any more. */
  abandon(): LoadRequest[] {
    this.expire()
    const left = this.#connections.flatMap(({ request }) => request ?? [])
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      left.push(next)
    }
    this.stop()
    return left
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    clearInterval(this.#sweep)
    for (const connection of this.#connections) connection.stop()
    this.#stopClients()
  }

  expire(): void {
    const now = nowUs()
    for (const connection of this.#connections) connection.expire(now)
  }

  #release(connection: Connection): void {
    if (this.#stopped) return
    const next = this.#waiting.shift()
    if (next !== undefined) {
      connection.send(next)
      return
    }
    if (!connection.listed) {
      connection.listed = true
      this.#free.push(connection)
    }
    this.#events.idle()
  }

  #takeFree(): Connection | undefined {
    for (let next = this.#free.shift(); next !== undefined; next = this.#free.shift()) {
      next.listed = false
      // It may have been lost while it stood in the line.
      if (next.isFree) return next
    }
    return undefined
  }

  #isDown(): boolean {
    return this.#connections.every((connection) => connection.isDown)
  }

  #failWaiting(): void {
    if (this.#waiting.size === 0 || !this.#isDown()) return
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#events.settled(next, 'connectFailed', nowUs(), 0, this.downCause)
    }
  }
}

/** Outcomes carry the deadline itself; this is only how late a stuck connection is replaced. */
function sweepMs(timeoutMs: number): number {
  return Math.min(Math.max(timeoutMs / 20, 5), 250)
}
