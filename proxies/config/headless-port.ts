import type { Endpoint, MeshIndex } from './mesh-index.ts'
import type { Service } from './mesh-state.ts'

export interface HeadlessPort {
  readonly service: Service
  /** The service's own; the endpoint has the container's. */
  readonly port: number
  readonly endpoint: Endpoint
}

/** The headless service whose clients are told this address; what is sent there is meant for it. */
export function headlessPort(
  index: MeshIndex,
  ip: string,
  containerPort: number,
): HeadlessPort | undefined {
  const workload = index.workloadByIp(ip)
  if (workload === undefined) return undefined
  for (const [key, ports] of Object.entries(workload.services)) {
    const service = index.service(key)
    if (service === undefined || service.vips.length > 0) continue
    for (const [port, target] of Object.entries(ports)) {
      if (target !== containerPort) continue
      return { service, port: Number(port), endpoint: { workload, ip, targetPort: containerPort } }
    }
  }
  return undefined
}
