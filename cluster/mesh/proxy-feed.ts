import type { ProxyConfig } from '../../proxies/config/process.ts'
import type { ContainerProcess } from '../agent/container-process.ts'

interface Knowledge {
  /** Workloads the proxy stands in for. */
  readonly local: ReadonlySet<string>
  /** Workloads it would reach by HBONE that a ztunnel or waypoint ends. */
  readonly hbone: ReadonlySet<string>
  /** Workloads whose sidecar it would speak to. */
  readonly tls: ReadonlySet<string>
  /** Workloads it would choose as an endpoint. */
  readonly healthy: ReadonlySet<string>
}

const nothing: Knowledge = {
  local: new Set(),
  hbone: new Set(),
  tls: new Set(),
  healthy: new Set(),
}

/**
 * What one proxy process has been told and what of it it has confirmed: first that it goes by it, then
 * that nothing it had begun by what it was told before is still on its way.
 */
export class ProxyFeed {
  readonly #process: Pick<ContainerProcess, 'isUp' | 'configure' | 'onReport'>
  readonly #sent = new Map<number, Knowledge>()
  #last = ''
  #version = 0
  #applied: Knowledge = nothing
  #settled: Knowledge = nothing

  constructor(
    process: Pick<ContainerProcess, 'isUp' | 'configure' | 'onReport'>,
    onKnowledge: () => void,
  ) {
    this.#process = process
    process.onReport((report) => {
      if (report.type === 'applied') {
        this.#applied = this.#sent.get(report.version) ?? this.#applied
      } else if (report.type === 'settled') {
        this.#settled = this.#sent.get(report.version) ?? this.#settled
        for (const version of this.#sent.keys()) {
          if (version <= report.version) this.#sent.delete(version)
        }
      } else return
      onKnowledge()
    })
  }

  knows(workloadUid: string): boolean {
    return this.#applied.local.has(workloadUid)
  }

  mayUseHbone(workloadUid: string): boolean {
    return this.#possible().some(({ hbone }) => hbone.has(workloadUid))
  }

  mayUseTls(workloadUid: string): boolean {
    return this.#possible().some(({ tls }) => tls.has(workloadUid))
  }

  mayChoose(workloadUid: string): boolean {
    return this.#possible().some(({ healthy }) => healthy.has(workloadUid))
  }

  /** What it has settled on, and anything it may be working on or have begun before. */
  #possible(): Knowledge[] {
    return [this.#settled, ...this.#sent.values()]
  }

  /** Sends the snapshot unless the process has it. */
  push(config: Omit<ProxyConfig, 'version'>): void {
    if (!this.#process.isUp) return
    const content = JSON.stringify(config)
    if (content === this.#last) return
    this.#last = content
    this.#version += 1
    const tunnelled = config.state.workloads.filter(
      ({ protocol, nativeTunnel }) => protocol === 'HBONE' && !nativeTunnel,
    )
    const withSidecar = config.state.workloads.filter(({ tlsMode }) => tlsMode === 'istio')
    const healthy = config.state.workloads.filter(({ status }) => status === 'Healthy')
    this.#sent.set(this.#version, {
      local: new Set(config.local.map(({ uid }) => uid)),
      hbone: new Set(tunnelled.map(({ uid }) => uid)),
      tls: new Set(withSidecar.map(({ uid }) => uid)),
      healthy: new Set(healthy.map(({ uid }) => uid)),
    })
    this.#process.configure({ type: 'config', config: { ...config, version: this.#version } })
  }
}
