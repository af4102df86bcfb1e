import { performance } from 'node:perf_hooks'
import type { MeshIndex } from '../config/mesh-index.ts'
import type { Workload } from '../config/mesh-state.ts'

/** The clients' ztunnels learn that a pod has left at other times. */
const LEAVING_MS = 5_000

/** The pods whose traffic this waypoint takes; of others it would only lend its identity to strangers. */
export class BoundPods {
  #bound: ReadonlySet<string> = new Set()
  readonly #leftMs = new Map<string, number>()

  update(index: MeshIndex, own: Workload): void {
    const nowMs = performance.now()
    const next = new Set(
      index.state.workloads
        .filter(({ waypoint }) => waypoint !== undefined && index.isGateway(waypoint, own))
        .map(({ uid }) => uid),
    )
    for (const [uid, leftMs] of this.#leftMs) {
      if (nowMs - leftMs >= LEAVING_MS || next.has(uid)) this.#leftMs.delete(uid)
    }
    for (const uid of this.#bound) if (!next.has(uid)) this.#leftMs.set(uid, nowMs)
    this.#bound = next
  }

  has({ uid }: Workload): boolean {
    if (this.#bound.has(uid)) return true
    const leftMs = this.#leftMs.get(uid)
    return leftMs !== undefined && performance.now() - leftMs < LEAVING_MS
  }
}
