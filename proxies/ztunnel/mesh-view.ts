import { MeshIndex } from '../config/mesh-index.ts'
import type { Workload } from '../config/mesh-state.ts'
import type { LocalWorkload, ProxyConfig } from '../config/process.ts'
import { ProxyError } from '../errors.ts'
import { CertificateStore, type Credential } from '../identity/certificates.ts'

/** ztunnel's patience for a record the control plane has not delivered yet. */
const RECORD_WAIT_MS = 5_000

/** A workload this ztunnel stands in for, with all that serving it takes. */
export interface LocalView {
  readonly workload: Workload
  readonly local: LocalWorkload
  readonly credential: Credential
}

/** The newest snapshot, and the wait for what it still lacks. */
export class MeshView {
  readonly certificates = new CertificateStore()
  #index = new MeshIndex({ workloads: [], services: [], policies: [] })
  #local = new Map<string, LocalWorkload>()
  readonly #waiting = new Set<() => void>()

  get index(): MeshIndex {
    return this.#index
  }

  replace(config: ProxyConfig): void {
    this.certificates.replace(config.certificates)
    this.#index = new MeshIndex(config.state)
    this.#local = new Map(config.local.map((local) => [local.uid, local]))
    for (const wake of [...this.#waiting]) wake()
  }

  local(uid: string): LocalWorkload | undefined {
    return this.#local.get(uid)
  }

  locals(): readonly LocalWorkload[] {
    return [...this.#local.values()]
  }

  /** A new pod's first connection is held, not failed, while its record or certificate is on its way. */
  async resolve(uid: string): Promise<LocalView> {
    const found = this.find(uid)
    if (found) return found
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        const view = this.find(uid)
        if (!view) return
        settle()
        resolve(view)
      }
      const timer = setTimeout(() => {
        settle()
        reject(new ProxyError('UNKNOWN_SOURCE', `no record or certificate of ${uid}`))
      }, RECORD_WAIT_MS)
      const settle = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
      }
      this.#waiting.add(wake)
    })
  }

  find(uid: string): LocalView | undefined {
    const workload = this.#index.workload(uid)
    const local = this.#local.get(uid)
    if (!workload || !local || !this.certificates.has(local.identity)) return undefined
    return { workload, local, credential: this.certificates.get(local.identity) }
  }
}
