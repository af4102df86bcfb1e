import { Agent } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * Keeps connections for the next call, but none beyond its age: whoever answers behind an address may
 * have changed, and only new connections go there.
 */
export class AgeingAgent extends Agent {
  readonly #lifeMs: number
  readonly #bornMs = new WeakMap<Duplex, number>()

  constructor(maxSockets: number, lifeMs: number) {
    super({ keepAlive: true, maxSockets })
    this.#lifeMs = lifeMs
  }

  /** https://nodejs.org/api/http.html#agentkeepsocketalivesocket, asked after every answer. */
  override keepSocketAlive(socket: Duplex): boolean {
    const now = performance.now()
    const bornMs = this.#bornMs.get(socket) ?? now
    this.#bornMs.set(socket, bornMs)
    if (now - bornMs >= this.#lifeMs) return false
    // Node's types forget that it answers.
    return super.keepSocketAlive(socket) as unknown as boolean
  }
}
