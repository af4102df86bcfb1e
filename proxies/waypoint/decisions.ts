import type { L7Config } from '../config/l7.ts'
import { type MeshIndex, serviceKey } from '../config/mesh-index.ts'
import type { Service } from '../config/mesh-state.ts'
import type { ServiceClusters } from '../http/service-clusters.ts'
import { type RequestGate, requestGate } from '../policy/request-gate.ts'
import { createRouter, type Router } from '../routing/router.ts'
import { createTokenVerifier } from './verify-token.ts'

/** Policies and routes of one snapshot, made for a service when it is first asked for. */
export class Decisions {
  readonly #l7: L7Config | undefined
  readonly #clusters: ServiceClusters
  readonly #verifier: ReturnType<typeof createTokenVerifier>
  readonly #gates = new Map<string | undefined, RequestGate | undefined>()
  readonly #routers = new Map<string, Router>()

  constructor(l7: L7Config | undefined, index: MeshIndex, clusters: ServiceClusters) {
    this.#l7 = l7
    this.#clusters = clusters
    this.#verifier = createTokenVerifier((ip) => index.workloadByIp(ip) !== undefined)
  }

  /** Without a service: for traffic to pods, which policies of the waypoint itself govern. */
  gate(service: Service | undefined): RequestGate | undefined {
    if (this.#l7 === undefined) return undefined
    const key = service && serviceKey(service)
    if (!this.#gates.has(key)) this.#gates.set(key, requestGate(this.#l7, key, this.#verifier))
    return this.#gates.get(key)
  }

  router(service: Service, port: number): Router {
    const key = `${serviceKey(service)}:${port}`
    let router = this.#routers.get(key)
    if (router === undefined) {
      router = createRouter({
        l7: this.#l7,
        service: serviceKey(service),
        port,
        cluster: this.#clusters.get(service, port),
        backend: (backend) => this.#clusters.find(backend),
      })
      this.#routers.set(key, router)
    }
    return router
  }
}
