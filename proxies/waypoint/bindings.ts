import { performance } from 'node:perf_hooks'
import { type MeshIndex, serviceKey } from '../config/mesh-index.ts'
import type { Service, Workload } from '../config/mesh-state.ts'

/** The clients' ztunnels learn that something has left at other times. */
const LEAVING_MS = 5_000
/** And they may know of a binding before the waypoint does. */
const JOINING_MS = 1_000

/**
 * The services and pods whose traffic this waypoint takes; of others it would only lend its identity to
 * strangers.
 */
export class Bindings {
  #bound: ReadonlySet<string> = new Set()
  readonly #leftMs = new Map<string, number>()
  readonly #waiting = new Set<() => void>()

  update(index: MeshIndex, own: Workload): void {
    const nowMs = performance.now()
    const next = new Set(
      [...index.state.services, ...index.state.workloads]
        .filter(({ waypoint }) => waypoint !== undefined && index.isGateway(waypoint, own))
        .map(keyOf),
    )
    for (const [key, leftMs] of this.#leftMs) {
      if (nowMs - leftMs >= LEAVING_MS || next.has(key)) this.#leftMs.delete(key)
    }
    for (const key of this.#bound) if (!next.has(key)) this.#leftMs.set(key, nowMs)
    this.#bound = next
    for (const retry of this.#waiting) retry()
  }

  has(target: Service | Workload): boolean {
    const key = keyOf(target)
    if (this.#bound.has(key)) return true
    const leftMs = this.#leftMs.get(key)
    return leftMs !== undefined && performance.now() - leftMs < LEAVING_MS
  }

  /** Tries again with every snapshot until that says true; gives up in the end, unless told to forget it. */
  wait(attempt: () => boolean, giveUp: () => void): () => void {
    const forget = (): void => {
      this.#waiting.delete(retry)
      clearTimeout(timer)
    }
    const retry = (): void => {
      if (attempt()) forget()
    }
    const timer = setTimeout(() => {
      forget()
      giveUp()
    }, JOINING_MS)
    this.#waiting.add(retry)
    return forget
  }
}

function keyOf(target: Service | Workload): string {
  return 'hostname' in target ? serviceKey(target) : target.uid
}
