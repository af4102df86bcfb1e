import type { Endpoint } from '../../workloads/discovery.ts'
import { Pool, type PoolEvents } from './pool.ts'
import type { LoadPlan } from './protocol.ts'
import type { LoadRequest } from './request.ts'

/** Where requests go, and how large a share of them. */
export interface LoadTarget {
  readonly endpoint: Endpoint
  readonly weight: number
}

interface Branch {
  readonly pool: Pool
  readonly weight: number
  readonly name: string
  credit: number
}

/** The connections to one service or to several. */
export class Pools {
  readonly #branches: readonly Branch[]
  readonly #total: number

  constructor(targets: readonly LoadTarget[], plan: LoadPlan, events: PoolEvents) {
    this.#branches = targets.map(({ endpoint, weight }) => {
      const { host, port, authority } = endpoint
      const client = {
        url: `http://${host.includes(':') ? `[${host}]` : host}:${port}${plan.path}`,
        method: plan.method,
        headers: { host: authority, ...plan.headers },
        body: plan.requestBytes > 0 ? Buffer.alloc(plan.requestBytes, 'x') : undefined,
        connections: plan.connections,
      }
      return { pool: new Pool(client, plan, events), weight, name: authority, credit: 0 }
    })
    this.#total = targets.reduce((sum, { weight }) => sum + weight, 0)
  }

  get opened(): number {
    return this.#branches.reduce((sum, { pool }) => sum + pool.opened, 0)
  }

  get closedEarly(): number {
    return this.#branches.reduce((sum, { pool }) => sum + pool.closedEarly, 0)
  }

  get isOpening(): boolean {
    return this.#branches.some(({ pool }) => pool.isOpening)
  }

  get hasFree(): boolean {
    return this.#branches.some(({ pool }) => pool.hasFree)
  }

  get downCause(): string | undefined {
    return this.#branches.find(({ pool }) => pool.downCause !== undefined)?.pool.downCause
  }

  submit(request: LoadRequest): void {
    const { pool, name } = this.#next()
    if (this.#branches.length > 1) request.target = name
    pool.submit(request)
  }

  abandon(): LoadRequest[] {
    return this.#branches.flatMap(({ pool }) => pool.abandon())
  }

  stop(): void {
    for (const { pool } of this.#branches) pool.stop()
  }

  /** Smooth weighted round robin: the shares are exact, and no service gets its requests in a row. */
  #next(): Branch {
    let best = this.#branches[0] as Branch
    for (const branch of this.#branches) {
      branch.credit += branch.weight
      if (branch.credit > best.credit) best = branch
    }
    best.credit -= this.#total
    return best
  }
}
