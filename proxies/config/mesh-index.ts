import { isIP } from 'node:net'
import type { GatewayAddress, MeshState, Service, Workload } from './mesh-state.ts'
import type { SocketAddress } from './process.ts'

/** One way to reach a service port. */
export interface Endpoint {
  readonly workload: Workload
  readonly ip: string
  readonly targetPort: number
}

/** `namespace/hostname`, the key under which workloads name the services they back. */
export function serviceKey(service: Service): string {
  return `${service.namespace}/${service.hostname}`
}

export function identityOf(workload: Workload): string {
  return `spiffe://${workload.trustDomain}/ns/${workload.namespace}/sa/${workload.serviceAccount}`
}

/** Where to dial a port of a workload. */
export function socketOf(workload: Workload, ip: string, port: number): SocketAddress {
  return workload.sockets?.[String(port)] ?? { host: ip, port }
}

/** The address a proxy of the workload connects from; undefined when the workload cannot bind it. */
export function sourceOf(workload: Workload): string | undefined {
  return workload.sockets ? undefined : workload.workloadIps[0]
}

/** Two endpoints with equal keys are reached in the same way and prove the same identity. */
export function endpointKey({ ip, targetPort, workload }: Endpoint): string {
  const { protocol, tlsMode, hbonePort } = workload
  const { host, port } = socketOf(workload, ip, targetPort)
  const identity = identityOf(workload)
  return [ip, targetPort, host, port, protocol, tlsMode, hbonePort, identity].join('|')
}

/** Lookups over one snapshot. Immutable; a new snapshot gets a new index. */
export class MeshIndex {
  readonly state: MeshState
  readonly #byUid = new Map<string, Workload>()
  readonly #byIp = new Map<string, Workload>()
  readonly #byVip = new Map<string, Service[]>()
  readonly #byKey = new Map<string, Service>()
  readonly #backing = new Map<string, Workload[]>()
  readonly #endpoints = new Map<string, readonly Endpoint[]>()

  constructor(state: MeshState) {
    this.state = state
    for (const workload of state.workloads) {
      this.#byUid.set(workload.uid, workload)
      for (const ip of workload.workloadIps) this.#addIp(ip, workload)
      for (const key of Object.keys(workload.services)) append(this.#backing, key, workload)
    }
    for (const service of state.services) {
      this.#byKey.set(serviceKey(service), service)
      for (const vip of service.vips) append(this.#byVip, addressPart(vip), service)
    }
  }

  workload(uid: string): Workload | undefined {
    return this.#byUid.get(uid)
  }

  workloadByIp(ip: string): Workload | undefined {
    return this.#byIp.get(ip)
  }

  /** Several services may share a VIP; the asker's own namespace comes first. */
  serviceByVip(ip: string, askerNamespace?: string): Service | undefined {
    const services = this.#byVip.get(ip)
    return services?.find(({ namespace }) => namespace === askerNamespace) ?? services?.[0]
  }

  /** By `namespace/hostname`. */
  service(key: string): Service | undefined {
    return this.#byKey.get(key)
  }

  serviceByHostname(hostname: string, askerNamespace?: string): Service | undefined {
    const named = this.state.services.filter((service) => service.hostname === hostname)
    return named.find(({ namespace }) => namespace === askerNamespace) ?? named[0]
  }

  /** Usable endpoints of a service port; an endpoint's own port map wins over the service's. */
  endpoints(service: Service, port: number): readonly Endpoint[] {
    const cacheKey = `${serviceKey(service)}:${port}`
    let endpoints = this.#endpoints.get(cacheKey)
    if (!endpoints) {
      endpoints = (this.#backing.get(serviceKey(service)) ?? []).flatMap((workload) => {
        if (workload.status === 'Unhealthy' && service.loadBalancer?.healthPolicy !== 'AllowAll') {
          return []
        }
        const ip = workload.workloadIps[0]
        const targetPort =
          workload.services[serviceKey(service)]?.[String(port)] ?? service.ports[String(port)]
        return ip !== undefined && targetPort !== undefined ? [{ workload, ip, targetPort }] : []
      })
      this.#endpoints.set(cacheKey, endpoints)
    }
    return endpoints
  }

  /** What a waypoint reference stands for: `network/ip` is tried first, then `namespace/hostname`. */
  gateway(address: GatewayAddress): Workload | Service | undefined {
    const ip = addressPart(address.destination)
    if (isIP(ip) === 0) return this.#byKey.get(address.destination)
    return this.#byIp.get(ip) ?? this.#byVip.get(ip)?.[0]
  }

  /** Whether the workload is what the address stands for, or one of its pods, ready or not. */
  isGateway(address: GatewayAddress, workload: Workload): boolean {
    const gateway = this.gateway(address)
    if (gateway === undefined) return false
    if (!('hostname' in gateway)) return gateway.uid === workload.uid
    return workload.services[serviceKey(gateway)] !== undefined
  }

  /** Pods win an address over anything else, and of those the ones that speak HBONE. */
  #addIp(ip: string, workload: Workload): void {
    const held = this.#byIp.get(ip)
    if (!held || (held.protocol !== 'HBONE' && workload.protocol === 'HBONE')) {
      this.#byIp.set(ip, workload)
    }
  }
}

/** `network/ip` without its network. */
export function addressPart(address: string): string {
  return address.slice(address.indexOf('/') + 1)
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}
