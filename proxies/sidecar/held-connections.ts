import type { Duplex } from 'node:stream'
import type { Served } from '../http/serve.ts'

/**
 * Connections that a later configuration may no longer allow. As Envoy does with those of a filter chain
 * that is gone, they are asked to end, and what is left after `drainMs` is cut: HTTP/1.1 by
 * `connection: close`, HTTP/2 by GOAWAY, while bytes that nobody looks into just run until then
 * (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/draining).
 */
export class HeldConnections {
  readonly #drainMs: number
  readonly #isForbidden = new Map<Served, () => boolean>()

  constructor(drainMs: number) {
    this.#drainMs = drainMs
  }

  hold(stream: Duplex, served: Served, isForbidden: () => boolean): void {
    this.#isForbidden.set(served, isForbidden)
    stream.once('close', () => this.#isForbidden.delete(served))
  }

  /** After a change; one that was asked to end is not taken back. */
  enforce(): void {
    const forbidden = [...this.#isForbidden].filter(([, isForbidden]) => isForbidden())
    if (forbidden.length === 0) return
    const timer = setTimeout(() => {
      for (const [served] of forbidden) served.cut()
    }, this.#drainMs)
    timer.unref()
    for (const [served] of forbidden) {
      this.#isForbidden.delete(served)
      served.drain()
    }
  }
}
