import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { destroySide } from '../hbone/end-stream.ts'
import type { HttpLimits } from './limits.ts'
import type { Expiring, Sweeper } from './sweeper.ts'

/** A close while the peer still sends would turn into a reset that may overtake the last answer. */
const LINGER_MS = 1_000

/**
 * Ends a client's connection after its last answer, all of which is written but not yet taken.
 * - A slow reader gets all of it: only one that takes nothing for `flushTimeoutMs` is cut.
 * - What the client still sends is thrown away by whoever reads the socket; once all is taken, it has a
 *   second to close its side.
 */
export class Farewell implements Expiring {
  deadlineMs: number
  readonly #socket: Duplex
  readonly #patienceMs: number
  #unsent: number

  constructor(socket: Duplex, { flushTimeoutMs }: HttpLimits, sweeper: Sweeper) {
    this.#socket = socket
    this.#patienceMs = flushTimeoutMs
    this.#unsent = socket.writableLength
    this.deadlineMs = performance.now() + flushTimeoutMs
    socket.once('finish', () => {
      this.#unsent = 0
      this.deadlineMs = performance.now() + LINGER_MS
    })
    socket.once('close', () => sweeper.delete(this))
    sweeper.add(this)
    socket.resume()
    socket.end()
  }

  expire(nowMs: number): void {
    const unsent = this.#socket.writableLength
    if (unsent < this.#unsent) {
      this.#unsent = unsent
      this.deadlineMs = nowMs + this.#patienceMs
    } else destroySide(this.#socket)
  }
}
